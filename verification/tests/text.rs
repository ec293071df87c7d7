//! What the text of proofs.md and of the comments in `src/` cites is there: invariants, guarantees, models, files, and
//! the partner of each ordering. Whether an argument is right no test can tell; that it argues from something that
//! exists, one can.

mod util;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use hence_verification::guarantees::{self, ID};
use hence_verification::proofs::Proofs;
use hence_verification::{engines, root, sites, sources};
use regex_lite::Regex;
use walkdir::WalkDir;

use util::assert_none;

/// A file cited by the end of its path, and numbers: "`tree.rs` 1 to 3, 7".
const CITATION: &str = r"`([a-z_/]+\.rs)` (\d+(?:(?:,| to| and) \d+)*)";

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a valid pattern")
}

/// proofs.md on one line.
fn prose() -> String {
    let proofs = Proofs::read(&hence_verification::proofs_md()).expect("proofs.md can be read");
    proofs.text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The derivations in it, an item of a list for each guarantee or two.
fn derivations(prose: &str) -> &str {
    let (_, derivations) = prose.split_once("## From the bottom up").expect("the heading");
    derivations.split_once("## Guarantees").expect("the heading").0
}

/// The numbers of the invariants in a file's header: items of the list under the heading, not of its other lists.
fn invariants(text: &str) -> BTreeSet<u32> {
    let item = regex(r"^//! (\d+)\. ");
    let header = text.lines().take_while(|line| line.starts_with("//!"));
    let section = header.skip_while(|line| !line.starts_with("//! # Invariants")).skip(1);
    let section = section.take_while(|line| !line.starts_with("//! # "));
    section.filter_map(|line| Some(item.captures(line)?[1].parse().expect("digits"))).collect()
}

/// What "1 to 3, 7" lists.
fn numbers(list: &str) -> BTreeSet<u32> {
    let words: Vec<&str> = list.split([' ', ',']).filter(|word| !word.is_empty() && *word != "and").collect();
    let number = |word: &str| word.parse::<u32>().expect("digits");
    let mut numbers = BTreeSet::new();
    for (at, word) in words.iter().enumerate() {
        match *word {
            "to" => numbers.extend(number(words[at - 1])..=number(words[at + 1])),
            word => drop(numbers.insert(number(word))),
        }
    }
    numbers
}

/// Each citation of an invariant in a text that stands in this file, if any: the file cited, and a number.
fn cited(text: &str) -> BTreeSet<(String, u32)> {
    let citation = regex(CITATION);
    let all = citation.captures_iter(text).map(|it| (it[1].to_owned(), numbers(&it[2])));
    all.flat_map(|(file, numbers)| numbers.into_iter().map(move |number| (file.clone(), number))).collect()
}

#[test]
fn the_tests_read_what_they_should() {
    assert_eq!(numbers("1 to 3, 7 and 9"), [1, 2, 3, 7, 9].into());
    assert_eq!(
        cited("by `core.rs` 2 and 3; `tree.rs`, the table"),
        [("core.rs".into(), 2), ("core.rs".into(), 3)].into()
    );
    assert_eq!(
        invariants("//! # Invariants\n//! 1. so\n//!    and\n//! 2. so\n//!\n//! # Else\n//! 3. no\n"),
        [1, 2].into()
    );
}

/// The one file that a citation means, by its path below `src/`.
fn file<'a>(cited: &str, invariants: &'a BTreeMap<String, BTreeSet<u32>>) -> Result<&'a str, String> {
    let files: Vec<&String> = invariants.keys().filter(|file| Path::new(file).ends_with(cited)).collect();
    let [file] = files[..] else { return Err(format!("`{cited}`: {} files of that name", files.len())) };
    Ok(file)
}

#[test]
fn invariants_cited_are_there_and_each_is_cited() {
    let sources = sources();
    let stated: BTreeMap<String, BTreeSet<u32>> =
        sources.iter().map(|(file, text)| (file.clone(), invariants(text))).collect();
    let mut used = BTreeSet::new();
    let mut faults = Vec::new();
    for (place, text) in sources.into_iter().chain([("proofs.md".into(), prose())]) {
        for (cited, number) in cited(&text) {
            match file(&cited, &stated) {
                Ok(file) if !stated[file].contains(&number) => {
                    faults.push(format!("{place}: no {number} in `{cited}`"))
                }
                Ok(file) if place == "proofs.md" => drop(used.insert((file.to_owned(), number))),
                Ok(_) => {}
                Err(fault) => faults.push(format!("{place}: {fault}")),
            }
        }
        // In its own file an invariant goes by its number alone.
        let own = regex(r"\binvariants? (\d+(?:(?:,| to| and) \d+)*)");
        let own = own.captures_iter(&text).filter(|_| place != "proofs.md").flat_map(|it| numbers(&it[1]));
        faults.extend(own.filter(|it| !stated[&place].contains(it)).map(|it| format!("{place}: no {it} of its own")));
    }
    assert_none("citations", faults);
    let all = stated.iter().flat_map(|(file, numbers)| numbers.iter().map(|number| (file.clone(), *number)));
    let unused = all.filter(|invariant| !used.contains(invariant));
    assert_none("invariants that no proof needs", unused.map(|(file, number)| format!("{file} {number}")));
}

#[test]
fn guarantees_named_are_stated_and_each_is_derived() {
    let stated = guarantees::ids(&guarantees::scan(&root()));
    let id = regex(&format!(r"\b{ID}\b"));
    let text = prose();
    let places = sources().into_iter().chain([("proofs.md".into(), text.clone())]);
    let unknown = places.flat_map(|(file, text)| {
        let ids: BTreeSet<String> = id.find_iter(&text).map(|it| it.as_str().to_owned()).collect();
        ids.difference(&stated).map(|id| format!("{file}: {id}")).collect::<Vec<_>>()
    });
    assert_none("guarantees that nothing states", unknown);
    let item = regex(&format!(r"- \*({ID}(?:, {ID})*)\.\*"));
    let items: Vec<String> = item.captures_iter(derivations(&text)).map(|it| it[1].to_owned()).collect();
    let derived: BTreeSet<String> = items.iter().flat_map(|it| it.split(", ")).map(Into::into).collect();
    assert_none("guarantees that proofs.md does not derive", stated.difference(&derived).cloned());
}

#[test]
fn each_derivation_begins_with_its_statement() {
    let guarantees = guarantees::scan(&root());
    let quoted = |id: &str| {
        let statements = guarantees.iter().filter(|guarantee| guarantee.id == id);
        statements.map(|guarantee| format!(" \"{}\"", guarantee.statement)).collect::<String>()
    };
    let text = prose();
    let derivations = derivations(&text);
    let item = regex(&format!(r"- \*({ID}(?:, {ID})*)\.\*"));
    let faults = item.captures_iter(derivations).filter_map(|it| {
        let statements: String = it[1].split(", ").map(quoted).collect();
        let rest = &derivations[it.get(0).expect("the item").end()..];
        (!rest.starts_with(&statements)).then(|| format!("- *{}.*{statements}", &it[1]))
    });
    assert_none("derivations in proofs.md, which are to begin so, as src/ has it", faults);
}

#[test]
fn models_and_files_named_are_there() {
    let text = prose();
    let models: Vec<&str> = engines::models().iter().map(|model| model.name).collect();
    let model = regex(r"`((?:hb|sf|lv|notes|peers)_[a-z0-9_]+)(\*?)`");
    let faults = model.captures_iter(&text).filter_map(|it| {
        let (name, family) = (&it[1], !it[2].is_empty());
        let there = models.iter().any(|model| if family { model.starts_with(name) } else { *model == name });
        (!there).then(|| name.to_owned())
    });
    assert_none("models that are not there", faults);

    let file = regex(r"`([a-z_/]+\.(?:rs|toml|md)|[a-z_/]+/)`");
    let ignored = |entry: &walkdir::DirEntry| ["target", ".git"].contains(&&*entry.file_name().to_string_lossy());
    let tree = WalkDir::new(root()).into_iter().filter_entry(|entry| !ignored(entry));
    let paths: Vec<_> = tree.map(|entry| entry.expect("the tree can be read").into_path()).collect();
    let faults = file.captures_iter(&text).map(|it| it[1].to_owned());
    let faults = faults.filter(|name| !paths.iter().any(|path| path.ends_with(name)));
    assert_none("files that are not there", faults);
}

/// The comment of an ordering stands in the lines above it, says what it pairs with, which is a function of the file, and
/// which guarantee it serves; or why it may be Relaxed.
#[test]
fn every_ordering_names_its_partner_and_its_guarantee() {
    let (id, partner) = (regex(&format!(r"\b{ID}\b")), regex(r"`(?:\w+::)?(\w+)`"));
    let sources = sources();
    let written = sites::written(&root()).expect("src/ can be read");
    let orders = written.iter().filter(|line| line.code.contains("Ordering::"));
    let mut faults = Vec::new();
    let mut found = 0;
    for site in orders {
        found += 1;
        let text = &sources[site.file.strip_prefix("src/").expect("below it")];
        let above: Vec<&str> = text.lines().take(site.line as usize - 1).collect();
        let comment = above.iter().rev().map(|line| line.trim()).take_while(|line| line.starts_with("//"));
        let comment = comment.collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join(" ");
        let mut fault = |what: &str| faults.push(format!("{}:{}: {what}", site.file, site.line));
        let is = |order: &str| site.code.contains(&format!("Ordering::{order}"));
        for (order, said) in [("Acquire", "Acquire"), ("Release", "Release"), ("Relaxed", "Relaxed")] {
            if (is(order) || order != "Relaxed" && is("AcqRel")) && !comment.contains(said) {
                fault(&format!("no word about {order}"));
            }
        }
        if is("SeqCst") {
            fault("no argument rests on a SeqCst access");
        }
        if is("Acquire") || is("Release") || is("AcqRel") {
            let (_, pairs) = comment.split_once("pair").unwrap_or_default();
            let named: Vec<_> = partner.captures_iter(pairs).map(|it| it[1].to_owned()).collect();
            if !named.iter().any(|name| text.contains(&format!("fn {name}"))) {
                fault("no partner of this file is named");
            }
            if !id.is_match(&comment) {
                fault("no guarantee is named");
            }
        }
    }
    assert!(found >= 15, "the scan finds the orderings");
    assert_none("orderings", faults);
}

/// The files of the product where `unsafe` stands are those that README's list of them names.
#[test]
fn unsafe_code_stands_where_the_readme_says() {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md can be read");
    let (_, list) = readme.split_once("**Little `unsafe`.**").expect("the list");
    let (list, _) = list.split_once("\n- **").expect("the next item");
    let named: BTreeSet<String> =
        regex(r"\(src/([a-z_/]+\.rs)\)").captures_iter(list).map(|link| link[1].to_owned()).collect();
    let explorers = ["sync/hook.rs", "sync/under_loom.rs", "sync/under_shuttle.rs"];
    let code = |text: &str| text.lines().any(|line| !line.trim_start().starts_with("//") && line.contains("unsafe "));
    let found: BTreeSet<String> = sources()
        .into_iter()
        .filter(|(name, text)| !explorers.contains(&name.as_str()) && code(text))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(found, named);
}

/// A command of CONTRIBUTING.md that greps for a line finds one.
#[test]
fn a_line_to_weaken_is_one_line() {
    let text = fs::read_to_string(root().join("CONTRIBUTING.md")).expect("CONTRIBUTING.md can be read");
    let commands = regex(r"grep -n '([^']+)' (src/[a-z_/]+\.rs)");
    let commands: Vec<_> = commands.captures_iter(&text).collect();
    assert!(!commands.is_empty());
    for command in commands {
        let source = fs::read_to_string(root().join(&command[2])).expect("it can be read");
        assert_eq!(source.lines().filter(|line| line.contains(&command[1])).count(), 1, "{}", &command[0]);
    }
}

/// In the public docs each ID of a guarantee leads to its statement, which has an anchor.
#[test]
fn ids_are_links() {
    let public = regex(r"(?m)^\s*(pub (fn|struct|enum) |#\[macro_export\])|^//! # The map");
    let id = regex(r"\b(HB|SF|LV)-(CH|SEL|TM|WG|CX|PL)-\d+\b");
    let link = regex(r"\[((?:HB|SF|LV)-[A-Z]+-\d+)\]\(((?:mod@)?crate::(\w+))#((?:HB|SF|LV)-[A-Z]+-\d+)\)");
    let sources = sources();
    let mut faults = Vec::new();
    for (file, text) in sources.iter().filter(|(_, text)| public.is_match(text)) {
        let mut code = false;
        for (number, line) in (1..).zip(text.lines().map(str::trim)) {
            let Some(doc) = line.strip_prefix("///").or(line.strip_prefix("//!")) else { continue };
            code ^= doc.trim().starts_with("```");
            let anchor_or_statement = doc.starts_with(" <a id=") || doc.starts_with(" **");
            for it in link.captures_iter(doc) {
                let stated = sources
                    .get(&format!("{}.rs", &it[3]))
                    .is_some_and(|page| page.contains(&format!("<a id=\"{}\"></a>\n//! **{0}.**", &it[4])));
                if it[1] != it[4] || !stated {
                    faults.push(format!("src/{file}:{number}: {} leads to no statement", &it[0]));
                }
            }
            let rest = link.replace_all(doc, "");
            if !code && !anchor_or_statement && id.is_match(&rest) {
                faults.push(format!("src/{file}:{number}: {}", doc.trim()));
            }
        }
    }
    assert_none("IDs that are no links, or lead nowhere", faults);
}
