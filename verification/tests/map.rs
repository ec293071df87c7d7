//! The map is true: arrows, which are the `use` lines of `src/`, point one way, and go where ARCHITECTURE.md, the table in
//! lib.rs and each file's "Needs" say.
//!
//! An arrow goes from a file to the one that *defines* what it uses, whoever shows it to others. A file that shows what one
//! of its own modules defines (`pub use child::Thing`) is no user of it.

mod util;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use hence_verification::{root, sources};
use syn::{Item, ItemMod, ItemUse, UseName, UseRename, UseTree, Visibility};

use util::assert_none;

/// Files and where their arrows go, by paths below `src/`.
type Arrows = BTreeMap<String, BTreeSet<String>>;

/// What an explorer alone needs.
const EXPLORERS: [&str; 3] = ["sync/hook.rs", "sync/under_loom.rs", "sync/under_shuttle.rs"];

#[test]
fn arrows_point_one_way() {
    let tree = Tree::read();
    let mut left: Arrows = tree.files.keys().map(|file| (file.clone(), tree.arrows(file))).collect();
    // Whoever needs nobody who is left is taken away: what stays is the circles, and what needs them.
    while let Some(lowest) = left.iter().find(|(_, to)| to.iter().all(|to| !left.contains_key(to))) {
        let lowest = lowest.0.clone();
        left.remove(&lowest);
    }
    assert!(left.is_empty(), "a circle: {left:#?}");
}

/// The floors of ARCHITECTURE.md, highest first: each file stands on one, and needs none above it.
#[test]
fn the_floors_of_the_architecture_are_true() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("readable");
    let (_, floors) = text.split_once("```text floors\n").expect("the picture of the floors");
    let floors = floors.split_once("```").expect("its end").0;
    let mut floor_of = BTreeMap::new();
    for (floor, line) in floors.lines().enumerate() {
        for file in line.split_whitespace().filter(|word| word.ends_with(".rs")) {
            assert!(floor_of.insert(file.to_owned(), floor).is_none(), "{file} stands on two floors");
        }
    }
    let tree = Tree::read();
    let all: BTreeSet<_> = tree.files.keys().filter(|file| *file != "lib.rs").cloned().collect();
    assert_eq!(floor_of.keys().cloned().collect::<BTreeSet<_>>(), all, "the floors hold every file");
    let upwards = all.iter().flat_map(|file| {
        let (to, floor_of) = (tree.arrows(file), &floor_of);
        to.into_iter().filter(move |to| floor_of[to] < floor_of[file]).map(move |to| format!("{file} -> {to}"))
    });
    assert_none("arrows that point up", upwards.collect::<Vec<_>>());
}

/// What ARCHITECTURE.md names is there: functions, types and fields in some file of `src/`, files and folders.
#[test]
fn the_names_of_the_architecture_are_there() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("readable");
    let source = sources().into_values().collect::<Vec<_>>().join("\n");
    let words: BTreeSet<&str> = source.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let prose = text.split("```").step_by(2).collect::<String>();
    let code = prose.split('`').skip(1).step_by(2);
    let is_name = |code: &&str| code.chars().all(|c| c.is_alphanumeric() || "_:".contains(c));
    let missing = code.filter(is_name).filter(|code| !code.split("::").all(|name| words.contains(name)));
    assert_none("names that are not in src/", missing.map(str::to_owned).collect::<BTreeSet<_>>());
}

/// The table in lib.rs: what each module needs. `channel/` is what lies in that folder; `channel` alone the file above it.
#[test]
fn the_table_of_the_modules_is_true() {
    let tree = Tree::read();
    let rows: BTreeMap<&str, BTreeSet<&str>> = tree.text["lib.rs"]
        .lines()
        .skip_while(|line| *line != "//! # The map")
        .take_while(|line| *line != "//! # Index of guarantees")
        .filter(|line| line.starts_with("//! | [`") || line.starts_with("//! | `"))
        .map(|line| {
            let cells: Vec<_> = line.split(" | ").collect();
            let name = cells[1].split('`').nth(1).expect("a name");
            (name, cells[3].split('`').skip(1).step_by(2).collect())
        })
        .collect();
    let module = |file: &str| -> String {
        let (folder, name) =
            file.split_once('/').map_or((None, file), |(folder, _)| (Some(format!("{folder}/")), folder));
        match folder.filter(|folder| rows.contains_key(&**folder)) {
            Some(folder) => folder,
            None => name.trim_end_matches(".rs").to_owned(),
        }
    };
    let mut needs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in tree.files.keys().filter(|file| *file != "lib.rs") {
        let to = tree.arrows(file).iter().map(|to| module(to)).filter(|to| *to != module(file)).collect::<Vec<_>>();
        needs.entry(module(file)).or_default().extend(to);
    }
    let table = rows.iter().map(|(name, needs)| (name.to_string(), needs.iter().map(|it| it.to_string()).collect()));
    assert_eq!(
        table.collect::<BTreeMap<String, BTreeSet<String>>>(),
        needs,
        "the table in lib.rs, and the `use` lines"
    );
}

/// Below its header each file names those that it uses, and its own modules: what has to be copied with it.
#[test]
fn each_file_says_what_it_needs() {
    let tree = Tree::read();
    let wrong = tree.files.keys().filter(|file| *file != "lib.rs").filter_map(|file| {
        let mut needs = tree.arrows(file);
        needs.extend(tree.children[file].values().cloned());
        let is_explorers = |file: &String| EXPLORERS.contains(&&**file);
        let (explorers, always): (Vec<_>, Vec<_>) =
            needs.iter().partition(|it| is_explorers(it) && !is_explorers(file));
        let list = |of: &[&String]| of.iter().map(|it| it.as_str()).collect::<Vec<_>>().join(", ");
        let mut says = format!("// Needs: {}.", if always.is_empty() { "nothing".into() } else { list(&always) });
        if !explorers.is_empty() {
            says += &format!(" Under an explorer: {}.", list(&explorers));
        }
        let lines = tree.text[file].lines().skip_while(|line| !line.starts_with("// Needs: "));
        let said: Vec<_> = lines.map_while(|line| line.strip_prefix("// ")).collect();
        (format!("// {}", said.join(" ")) != says).then(|| format!("{file}: {says}"))
    });
    assert_none("files that do not say what they need", wrong.collect::<Vec<_>>());
}

/// The source, as far as the map is concerned.
struct Tree {
    text: BTreeMap<String, String>,
    files: BTreeMap<String, Vec<Item>>,
    /// The modules that a file declares, and their files.
    children: BTreeMap<String, BTreeMap<String, String>>,
    parents: BTreeMap<String, String>,
}

impl Tree {
    fn read() -> Self {
        let text = sources();
        let parse = |(file, text): (&String, &String)| (file.clone(), syn::parse_file(text).expect("Rust").items);
        let files: BTreeMap<_, _> = text.iter().map(parse).collect();
        let mut children: BTreeMap<_, BTreeMap<_, _>> =
            files.keys().map(|file| (file.clone(), BTreeMap::new())).collect();
        let mut parents = BTreeMap::new();
        for (file, items) in &files {
            for module in items.iter().filter_map(|item| if let Item::Mod(it) = item { Some(it) } else { None }) {
                for path in paths(file, module).into_iter().filter(|path| files.contains_key(path)) {
                    parents.insert(path.clone(), file.clone());
                    children.get_mut(file).expect("a file").insert(key(module, &path), path);
                }
            }
        }
        Self { text, files, children, parents }
    }

    /// Where the arrows of a file go.
    fn arrows(&self, file: &str) -> BTreeSet<String> {
        let mut arrows = BTreeSet::new();
        Self::uses(&self.files[file], 0, &mut |item, path, depth| {
            let Some(to) = self.defining(file, path, depth) else { return };
            let shows = !matches!(item.vis, Visibility::Inherited) && self.is_below(&to, file);
            if to != file && !shows {
                arrows.insert(to);
            }
        });
        arrows
    }

    /// Tells `found` of each name that these items use, so many inline modules deep in the file.
    fn uses(items: &[Item], depth: usize, found: &mut dyn FnMut(&ItemUse, &[String], usize)) {
        for item in items {
            match item {
                Item::Use(item) => {
                    names(&item.tree, &mut Vec::new(), &mut |path| found(item, path, depth));
                }
                Item::Mod(ItemMod { content: Some((_, items)), .. }) => Self::uses(items, depth + 1, found),
                _ => {}
            }
        }
    }

    /// The file that defines what a path names; `None` outside the crate.
    fn defining(&self, file: &str, path: &[String], mut depth: usize) -> Option<String> {
        let mut at = file.to_owned();
        let mut path = path.iter();
        let mut inside = false;
        let item = loop {
            let Some(name) = path.next() else { return Some(at) };
            match &**name {
                "crate" => at = "lib.rs".into(),
                "self" => {}
                "super" if depth > 0 => depth -= 1,
                "super" => at = self.parents[&at].clone(),
                name => match self.children[&at].get(name) {
                    Some(child) => at = child.clone(),
                    None if inside => break name.to_owned(),
                    // What a file defines itself, in a module within it.
                    None => return None,
                },
            }
            inside = true;
        };
        // One of its own modules' may have been shown there.
        let mut shown = None;
        Self::uses(&self.files[&at], 0, &mut |_, path, depth| {
            let child = path.first().is_some_and(|name| self.children[&at].contains_key(name));
            if path.last() == Some(&item) && child && shown.is_none() {
                shown = self.defining(&at, path, depth);
            }
        });
        shown.or(Some(at))
    }

    fn is_below(&self, file: &str, above: &str) -> bool {
        self.parents.get(file).is_some_and(|parent| parent == above || self.is_below(parent, above))
    }
}

/// The paths of all the names of a `use`, the original ones.
fn names(tree: &UseTree, path: &mut Vec<String>, found: &mut dyn FnMut(&[String])) {
    match tree {
        UseTree::Path(it) => {
            path.push(it.ident.to_string());
            names(&it.tree, path, found);
            path.pop();
        }
        UseTree::Name(UseName { ident }) | UseTree::Rename(UseRename { ident, .. }) => {
            path.push(ident.to_string());
            found(path);
            path.pop();
        }
        UseTree::Glob(_) => found(path),
        UseTree::Group(it) => it.items.iter().for_each(|tree| names(tree, path, found)),
    }
}

/// Where the file of a module may lie.
fn paths(file: &str, module: &ItemMod) -> Vec<String> {
    let folder = if file == "lib.rs" { String::new() } else { file.trim_end_matches(".rs").to_owned() + "/" };
    let beside = file.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let said = module.attrs.iter().filter(|it| it.path().is_ident("path")).filter_map(|it| {
        let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(path), .. }) = &it.meta.require_name_value().ok()?.value
        else {
            return None;
        };
        Some(beside.clone() + &path.value())
    });
    let said: Vec<_> = said.collect();
    if said.is_empty() { vec![format!("{folder}{}.rs", module.ident)] } else { said }
}

/// What a module is called; one of several files, as its file is.
fn key(module: &ItemMod, path: &str) -> String {
    let name = path.rsplit('/').next().expect("a name").trim_end_matches(".rs");
    if module.ident == name { name.to_owned() } else { format!("{} ({name})", module.ident) }
}
