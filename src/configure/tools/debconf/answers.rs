//! The recipe's answers.

use std::collections::BTreeMap;

use super::commands::answer;
use super::database::Database;
use super::frontend::DUMMY;
use super::frontend::FILES;
use super::frontend::State;
use super::frontend::open;
use crate::deb::kept;
use crate::recipe::Treatment;
use crate::recipe::nearest;
use crate::shell::system::System;
use crate::tree::Tree;
use crate::unpack::Installed;
use crate::utilities::show;

/// `debconf-set-selections` lines: owner, question, type, answer. Who has a template for a question owns it.
pub(crate) fn selections(chosen: &[&Installed], answers: &BTreeMap<String, String>) -> String {
    let mut text = String::new();
    for (question, answer) in answers {
        let template = chosen.iter().find_map(|package| Some((package, template_type(package, question)?)));
        let (owner, kind) = template.map_or(("debconf", "string".to_owned()), |(package, kind)| (&package.name, kind));
        text.push_str(&format!("{owner} {question} {kind} {}\n", answer.replace('\n', "\\n")));
    }
    text
}

fn template_type(package: &Installed, question: &str) -> Option<String> {
    kept(package.member("templates")?)
        .filter_map(Result::ok)
        .find(|stanza| stanza.get("Template") == Some(question))
        .and_then(|stanza| stanza.get("Type").map(str::to_owned))
}

/// Gives debconf the recipe's answers, if there is one.
///
/// # Errors
/// The database cannot be read or made.
pub(crate) fn preseed(system: &mut System, selections: &str) -> Result<(), crate::tree::Error> {
    if selections.is_empty() || system.tree().lookup("usr/share/debconf/frontend").is_none() {
        return Ok(());
    }
    open(system)?;
    if let Some(database) = &mut system.kept::<State>().database {
        // A type that debconf does not know is passed over here as there; that nobody asks is found at the end.
        answer(database, selections.as_bytes(), true);
        database.settle();
    }
    Ok(())
}

/// An answer that no package asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unasked {
    /// The question.
    pub question: String,
    /// One that is asked, and spelt much like it.
    pub nearest: Option<String>,
}

/// The answers that no package has asked for; what is asked on the first boot is not known yet.
///
/// # Errors
/// The database cannot be read.
pub(crate) fn unasked(
    tree: &Tree,
    packages: &[Installed],
    treatments: &BTreeMap<String, Treatment>,
    answers: &BTreeMap<String, String>,
) -> Result<Vec<Unasked>, crate::tree::Error> {
    if answers.is_empty() {
        return Ok(Vec::new());
    }
    let mut database = Database::default();
    for (path, _, part) in FILES {
        *part(&mut database) = super::database::read(&tree.read(path)?.unwrap_or_default());
    }
    let real = |name: &[u8]| {
        database.question(name).is_some() && database.text(name, b"extended_description", false) != DUMMY.as_bytes()
    };
    let known: Vec<String> = database.questions().iter().filter(|name| real(name)).map(|name| show(name)).collect();
    let later = |package: &&Installed| treatments.get(&package.name) == Some(&Treatment::FirstBoot);
    let later: Vec<&Installed> = packages.iter().filter(later).collect();
    let idle = answers.keys().filter(|question| {
        !real(question.as_bytes()) && !later.iter().any(|package| template_type(package, question).is_some())
    });
    let report = |question: &String| Unasked {
        question: question.clone(),
        nearest: nearest(question, known.iter().map(String::as_str)).map(str::to_owned),
    };
    Ok(idle.map(report).collect())
}
