//! `HENCE_WEAKEN="src/wait.rs:120#claim=unchecked"`: one operation in `src/`, mutated under every model that runs.

use std::env;

use super::{Kind, Weaken};

const FORM: &str = "HENCE_WEAKEN takes FILE:LINE[:COLUMN]#OPERAND=KIND, as in src/wait.rs:120#claim=unchecked";

/// The mutation that the environment asks for.
pub fn from_environment() -> Result<Option<Weaken>, String> {
    match env::var("HENCE_WEAKEN") {
        Ok(text) => parse(&text).map(Some).map_err(|fault| format!("{fault} in `{text}`: {FORM}")),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(FORM.into()),
    }
}

fn parse(text: &str) -> Result<Weaken, String> {
    let (site, what) = text.split_once('#').ok_or("no #")?;
    let (operand, kind) = what.split_once('=').ok_or("no = after the #")?;
    let kind = Kind::parse(kind).ok_or_else(|| format!("unknown kind `{kind}`"))?;
    if kind.operand() != operand {
        return Err(format!("`{}` weakens the operand `{}`, not `{operand}`", kind.name(), kind.operand()));
    }
    let mut parts = site.split(':');
    let file = parts.next().filter(|file| file.starts_with("src/")).ok_or("no file in src/")?;
    let line = parts.next().and_then(|line| line.parse().ok()).ok_or("no line number")?;
    // A line has one operation of a kind at most, so that the column, which reports give, says nothing more.
    if parts.next().is_some_and(|column| column.parse::<u32>().is_err()) || parts.next().is_some() {
        return Err("no column number".into());
    }
    Ok(Weaken { file: file.into(), line, kind })
}

/// For people: `src/wait.rs:120#claim=unchecked`.
pub fn show(weaken: &Weaken) -> String {
    format!("{}:{}#{}={}", weaken.file, weaken.line, weaken.kind.operand(), weaken.kind.name())
}
