//! A comparison to be read by people elsewhere: Markdown for a comment on a change, HTML as a page by itself.
//!
//! Names of packages and paths are whatever somebody put into an archive: nothing of them becomes markup, a link, or a
//! mention of a person.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Cause;
use super::Comparison;
use super::ImageChange;
use super::PackageChange;
use super::PathChange;
use super::Summary;
use super::files;
use super::words::PATHS_TOLD;

/// Packages that a comment names, and lines of changelogs: a forge takes some 64,000 characters.
const PACKAGES_TOLD: usize = 100;
const LINES_TOLD: usize = 200;

/// How much is shown.
struct Most {
    packages: usize,
    paths: usize,
    lines: usize,
}

const SHORT: Most = Most { packages: PACKAGES_TOLD, paths: PATHS_TOLD, lines: LINES_TOLD };
const WHOLE: Most = Most { packages: usize::MAX, paths: usize::MAX, lines: usize::MAX };

/// A part of what is shown. All text is plain.
enum Block {
    Heading(String),
    Text(String),
    /// The first row is the head.
    Table(Vec<Vec<String>>),
    /// Lines under a title that opens them.
    Folded(String, Vec<String>),
}

impl Comparison {
    /// A comment for a change, in GitHub's and GitLab's Markdown: what is most important, with numbers of the rest.
    /// Paths that differ by their time alone are counted. `names`: what to call the two.
    #[must_use]
    pub fn to_markdown(&self, names: (&str, &str)) -> String {
        let mut text = String::new();
        for block in self.named(names, &SHORT) {
            markdown(&block, &mut text).expect("writing to a String succeeds");
        }
        text
    }

    /// A page by itself, with all that differs.
    #[must_use]
    pub fn to_html(&self, names: (&str, &str)) -> String {
        let mut text = String::from(HEAD);
        for block in self.named(names, &WHOLE) {
            html(&block, &mut text).expect("writing to a String succeeds");
        }
        text + "</body></html>\n"
    }

    fn named(&self, names: (&str, &str), most: &Most) -> Vec<Block> {
        let mut blocks = vec![Block::Heading(format!("{} → {}", names.0, names.1))];
        blocks.extend(self.blocks(most));
        blocks
    }

    fn blocks(&self, most: &Most) -> Vec<Block> {
        let mut blocks = vec![Block::Table(self.whole())];
        blocks.extend(self.caveat().map(Block::Text));
        if self.is_same() && self.images.is_empty() {
            let words = if self.caveat().is_some() { "Nothing of that differs." } else { "Nothing differs." };
            blocks.push(Block::Text(words.to_owned()));
            return blocks;
        }
        if !self.values.is_empty() {
            let head = ["", "before", "after"].map(str::to_owned).to_vec();
            let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
            let rows = self.values.iter().map(|each| vec![each.name.clone(), side(&each.before), side(&each.after)]);
            blocks.push(Block::Heading("The whole".to_owned()));
            blocks.push(Block::Table(std::iter::once(head).chain(rows.take(most.packages)).collect()));
            blocks.extend(rest(self.values.len(), most.packages, "values"));
        }
        if !self.packages.is_empty() {
            blocks.push(Block::Heading(format!("Packages: {}", counted(&self.packages))));
            let head = ["package", "before", "after", "unpacked"].map(str::to_owned).to_vec();
            let rows = self.packages.iter().take(most.packages).map(row);
            blocks.push(Block::Table(std::iter::once(head).chain(rows).collect()));
            blocks.extend(rest(self.packages.len(), most.packages, "packages"));
        }
        blocks.extend(self.changelogs(most.lines));
        blocks.extend(self.causes(most.paths));
        if !self.files.is_empty() {
            blocks.push(Block::Heading(format!("Files of the output beside its root: {}", self.files.len())));
            let all = self.files.iter().map(ToString::to_string);
            // A comment has room for what people look for.
            let lines = if most.paths == usize::MAX { all.collect() } else { files::lines(&self.files) };
            blocks.push(folded_lines("of the output", lines, most.paths));
        }
        blocks.extend(self.images.iter().flat_map(|image| of_image(image, most)));
        blocks
    }

    /// Both sides as a whole.
    fn whole(&self) -> Vec<Vec<String>> {
        let Self { before, after, .. } = self;
        let mut rows = vec![["", "before", "after"].map(str::to_owned).to_vec()];
        let mut add = |name: &str, value: &dyn Fn(&Summary) -> Option<String>| {
            let (before, after) = (value(before), value(after));
            if before.is_some() || after.is_some() {
                rows.push(vec![name.to_owned(), before.unwrap_or_default(), after.unwrap_or_default()]);
            }
        };
        add("form", &|side| Some(side.form.to_owned()));
        add("tree", &|side| side.tree.map(|tree| tree.to_string()[..16].to_owned()));
        add("packages", &|side| side.packages.map(|count| count.to_string()));
        add("paths", &|side| side.paths.map(|count| count.to_string()));
        add("files, unpacked", &|side| side.bytes.map(bytes));
        let outputs = before.outputs.keys().chain(after.outputs.keys());
        // Those that nodes load, and not each file of a head; a container image as a whole.
        let name = |path: &String| match path.split_once('/') {
            Some((image, _)) if image.starts_with("root.") => Some(format!("{image}/")),
            _ => (path.starts_with("root.") || path.starts_with("boot/")).then(|| path.clone()),
        };
        let images: std::collections::BTreeSet<String> = outputs.filter_map(name).collect();
        for image in images {
            add(&image, &|side| {
                let is_of_it = |path: &str| path == image || image.ends_with('/') && path.starts_with(&image);
                let sizes = side.outputs.iter().filter(|(path, _)| is_of_it(path)).map(|(_, size)| *size);
                sizes.reduce(|sum, size| sum + size).map(bytes)
            });
        }
        rows
    }

    fn changelogs(&self, most: usize) -> Vec<Block> {
        let (mut blocks, mut told) = (Vec::new(), 0);
        let with = self.packages.iter().filter(|change| !change.changelog.is_empty());
        let mut seen = std::collections::BTreeSet::new();
        // Packages of one source have one changelog.
        for change in with.filter(|change| seen.insert(&change.changelog)) {
            let lines: Vec<String> =
                change.changelog.iter().flat_map(|entry| entry.lines()).map(str::to_owned).collect();
            if told + lines.len() > most {
                let words = "… and further changelogs, which the comparison as HTML or JSON has";
                blocks.push(Block::Text(words.to_owned()));
                break;
            }
            told += lines.len();
            blocks.push(Block::Folded(format!("changelog of {}", change.name), lines));
        }
        blocks
    }

    fn causes(&self, most: usize) -> Vec<Block> {
        let mut by_cause: BTreeMap<&Cause, Vec<&PathChange>> = BTreeMap::new();
        let (times, others): (Vec<_>, Vec<_>) = self.paths.iter().partition(|change| change.is_time());
        others.into_iter().for_each(|change| by_cause.entry(&change.cause).or_default().push(change));
        let mut blocks = Vec::new();
        if !by_cause.is_empty() || !times.is_empty() {
            blocks.push(Block::Heading(format!("Paths: {}", self.paths.len())));
        }
        for (cause, changes) in by_cause {
            let lines = changes.iter().map(ToString::to_string).collect();
            blocks.push(folded_lines(&cause.to_string(), lines, most));
        }
        if !times.is_empty() {
            blocks.push(Block::Text(format!("{} differ by their time alone.", times.len())));
        }
        blocks
    }
}

/// One of several images, with all that differs in it.
fn of_image(image: &ImageChange, most: &Most) -> Vec<Block> {
    let name =
        if image.name().is_empty() { "The image without a name".to_owned() } else { format!("Image {}", image.name()) };
    match image {
        ImageChange::Added { .. } => vec![Block::Heading(format!("{name}: added"))],
        ImageChange::Removed { .. } => vec![Block::Heading(format!("{name}: removed"))],
        ImageChange::Compared { comparison, .. } => {
            let mut blocks = vec![Block::Heading(name)];
            blocks.extend(comparison.blocks(most));
            blocks
        }
    }
}

/// Lines under a title with their number, the first of them.
fn folded_lines(title: &str, mut lines: Vec<String>, most: usize) -> Block {
    let count = lines.len();
    lines.truncate(most);
    if count > most {
        lines.push(format!("… and {} more", count - most));
    }
    Block::Folded(format!("{count}: {title}"), lines)
}

fn row(change: &PackageChange) -> Vec<String> {
    let size = match (change.size_before, change.size_after) {
        (Some(before), Some(after)) if before == after => bytes(after * 1024),
        (Some(before), Some(after)) => format!("{} → {}", bytes(before * 1024), bytes(after * 1024)),
        (one, other) => one.or(other).map(|size| bytes(size * 1024)).unwrap_or_default(),
    };
    let version = |version: &Option<String>| version.clone().unwrap_or_else(|| "-".to_owned());
    let after = match (&change.before, &change.after) {
        (Some(before), Some(after)) if before == after => format!("{after}, other bytes"),
        (_, after) => version(after),
    };
    vec![format!("{}:{}", change.name, change.architecture), version(&change.before), after, size]
}

/// How many came, went and changed.
fn counted(packages: &[PackageChange]) -> String {
    let count = |is: &dyn Fn(&PackageChange) -> bool| packages.iter().filter(|change| is(change)).count();
    let counts = [
        (count(&|change| change.before.is_some() && change.after.is_some()), "changed"),
        (count(&|change| change.before.is_none()), "added"),
        (count(&|change| change.after.is_none()), "removed"),
    ];
    let told = counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
    told.collect::<Vec<_>>().join(", ")
}

fn rest(count: usize, most: usize, what: &str) -> Option<Block> {
    (count > most).then(|| Block::Text(format!("… and {} more {what}", count - most)))
}

/// A size as people read it.
fn bytes(size: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = (size, 1_u64);
    let mut unit = "B";
    for next in units {
        if size / value.1 < 1024 {
            break;
        }
        value.1 *= 1024;
        unit = next;
    }
    if unit == "B" {
        return format!("{size} B");
    }
    let tenths = size.saturating_mul(10) / value.1;
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

fn markdown(block: &Block, out: &mut String) -> std::fmt::Result {
    match block {
        Block::Heading(text) => writeln!(out, "\n### {}\n", escaped(text)),
        Block::Text(text) => writeln!(out, "\n{}\n", escaped(text)),
        Block::Table(rows) => {
            for (number, row) in rows.iter().enumerate() {
                let cells: Vec<String> = row.iter().map(|cell| escaped(cell)).collect();
                writeln!(out, "| {} |", cells.join(" | "))?;
                if number == 0 {
                    writeln!(out, "|{}", " --- |".repeat(row.len()))?;
                }
            }
            Ok(())
        }
        Block::Folded(title, lines) => folded(title, lines, out),
    }
}

fn html(block: &Block, out: &mut String) -> std::fmt::Result {
    match block {
        Block::Heading(text) => writeln!(out, "<h2>{}</h2>", escaped(text)),
        Block::Text(text) => writeln!(out, "<p>{}</p>", escaped(text)),
        Block::Table(rows) => {
            writeln!(out, "<table>")?;
            for (number, row) in rows.iter().enumerate() {
                let tag = if number == 0 { "th" } else { "td" };
                let cells = row.iter().map(|cell| format!("<{tag}>{}</{tag}>", escaped(cell)));
                writeln!(out, "<tr>{}</tr>", cells.collect::<String>())?;
            }
            writeln!(out, "</table>")
        }
        Block::Folded(title, lines) => folded(title, lines, out),
    }
}

/// The same in both: Markdown takes such a block of HTML as it is.
fn folded(title: &str, lines: &[String], out: &mut String) -> std::fmt::Result {
    writeln!(out, "\n<details><summary>{}</summary>\n\n<pre>", escaped(title))?;
    lines.iter().try_for_each(|line| writeln!(out, "{}", escaped(line)))?;
    writeln!(out, "</pre></details>\n")
}

/// Plain text for both: every character that either may take for more than itself is written as a number.
fn escaped(text: &str) -> String {
    let plain = |char: char| {
        !char.is_ascii_punctuation() || matches!(char, '.' | ',' | '/' | '-' | '+' | '=' | '(' | ')' | ';' | '%')
    };
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if plain(char) {
            out.push(char);
        } else {
            write!(out, "&#{};", u32::from(char)).expect("writing to a String succeeds");
        }
    }
    out
}

const HEAD: &str = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
<title>imgbuild compare</title><style>\n\
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em }\n\
table { border-collapse: collapse } th, td { border: 1px solid #ccc; padding: .2em .6em; text-align: left }\n\
pre { background: #f6f6f6; overflow: auto; padding: .6em } summary { cursor: pointer }\n\
</style></head><body>\n";
