//! The files of doc/ci.md, each step of them run as the runners do: GitHub's `run` by `bash -e`, GitLab's `script` line by
//! line in one shell. Programs of other people's services (`gh`, `git`, `docker login`, `curl`) only note what they are
//! asked for; archive and registry are on this machine.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::DebBuilder;

use crate::registry::DebianRegistry;

/// A job: under which condition it runs, and its steps, each with its own condition.
#[derive(Debug, Default, PartialEq, Eq)]
struct Job {
    condition: String,
    steps: Vec<(String, String)>,
}

/// The block of YAML below a heading.
fn block(heading: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("doc/ci.md")).expect("it is there");
    let below = text.split(&format!("\n## {heading}\n")).nth(1).expect(heading);
    let yaml = below.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block");
    yaml.lines().map(str::to_owned).collect()
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The value of a key, with the lines of a block after `|`.
fn value(lines: &[String], at: usize, key: &str) -> Option<String> {
    let line = lines[at].trim_start().trim_start_matches("- ");
    let rest = line.strip_prefix(key)?.strip_prefix(": ")?;
    if rest != "|" {
        return Some(rest.to_owned());
    }
    let depth = indent(&lines[at + 1]);
    let body = lines[at + 1..].iter().take_while(|line| line.is_empty() || indent(line) >= depth);
    Some(body.map(|line| line.get(depth..).unwrap_or("").to_owned() + "\n").collect())
}

/// The jobs of GitHub's file, and its variables.
fn github() -> (BTreeMap<String, Job>, BTreeMap<String, String>) {
    let lines = block("GitHub");
    let (mut jobs, mut variables): (BTreeMap<String, Job>, _) = (BTreeMap::new(), BTreeMap::new());
    let (mut section, mut name, mut condition) = (String::new(), String::new(), String::new());
    for (at, line) in lines.iter().enumerate() {
        match indent(line) {
            0 => section = line.trim_end_matches(':').to_owned(),
            2 if section == "env" => {
                let (name, value) = line.trim().split_once(": ").expect("a variable");
                variables.insert(name.to_owned(), value.to_owned());
            }
            2 if section == "jobs" => name = line.trim().trim_end_matches(':').to_owned(),
            4 if section == "jobs" => {
                let job = jobs.entry(name.clone()).or_default();
                if let Some(found) = value(&lines, at, "if") {
                    job.condition = found;
                }
            }
            6 | 8 if section == "jobs" => {
                if line.trim_start().starts_with("- ") {
                    condition = String::new();
                }
                if let Some(found) = value(&lines, at, "if") {
                    condition = found;
                }
                if let Some(found) = value(&lines, at, "run") {
                    jobs.entry(name.clone()).or_default().steps.push((condition.clone(), found));
                }
            }
            _ => {}
        }
    }
    (jobs, variables)
}

/// The jobs of GitLab's file, and its variables. A job's lines are one step.
fn gitlab() -> (BTreeMap<String, Job>, BTreeMap<String, String>) {
    let lines = block("GitLab");
    let (mut jobs, mut variables): (BTreeMap<String, Job>, _) = (BTreeMap::new(), BTreeMap::new());
    let (mut section, mut part) = (String::new(), String::new());
    for (at, line) in lines.iter().enumerate() {
        match indent(line) {
            0 => section = line.trim_end_matches(':').to_owned(),
            2 if section == "variables" => {
                let (name, value) = line.trim().split_once(": ").expect("a variable");
                variables.insert(name.to_owned(), value.to_owned());
            }
            2 => part = line.trim().trim_end_matches(':').to_owned(),
            4 if part == "rules" => {
                let job = jobs.entry(section.clone()).or_default();
                job.condition = value(&lines, at, "if").expect("a rule");
            }
            4 if part == "script" => {
                let job = jobs.entry(section.clone()).or_default();
                if job.steps.is_empty() {
                    job.steps.push((String::new(), String::new()));
                }
                let line = line.trim_start().strip_prefix("- ").expect("a line of the script");
                job.steps[0].1 += &format!("{line}\n");
            }
            _ => {}
        }
    }
    (jobs, variables)
}

/// Whether a condition holds for an event; one of another form than these files have is none.
fn holds(condition: &str, name: &str, event: &str) -> bool {
    condition.is_empty()
        || condition.split(" || ").any(|part| {
            let (left, is, right) = match (part.split_once(" == "), part.split_once(" != ")) {
                (Some((left, right)), _) => (left, true, right),
                (None, Some((left, right))) => (left, false, right),
                (None, None) => panic!("`{part}` is no condition of doc/ci.md's"),
            };
            assert_eq!(left.trim(), name);
            (right.trim().trim_matches(['\'', '"']) == event) == is
        })
}

/// A machine on which jobs run: a checkout, an archive, a registry, and programs that note what they are asked for.
struct Runner {
    place: tempfile::TempDir,
    registry: DebianRegistry,
}

impl Runner {
    fn new() -> Self {
        let place = tempfile::tempdir().expect("a place");
        let runner = Self { place, registry: DebianRegistry::start() };
        fs::create_dir_all(runner.at("bin")).expect("made");
        fs::create_dir_all(runner.at("checkout")).expect("made");
        for program in ["gh", "git", "docker", "curl"] {
            // Comments are looked at later, and a password is read from standard input.
            let text = format!(
                "#!/bin/sh\nfor word; do case $word in --password-stdin) cat >/dev/null ;; comment.md | body@*) \
                 cp comment.md \"$NOTES.comment\" ;; esac; done\necho {program} \"$@\" >> \"$NOTES\"\n"
            );
            fs::write(runner.at("bin").join(program), text).expect("written");
            fs::set_permissions(runner.at("bin").join(program), fs::Permissions::from_mode(0o755)).expect("ours");
        }
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_imgbuild"), runner.at("bin/imgbuild")).expect("made");
        let recipe = "name = \"cluster\"\npackages = [\"hello\"]\n[debian]\nsuite = \"test\"\npockets = []\n\
                      signed-by = \"keys.asc\"\n[install]\nbase = \"essential\"\n[output]\nformats = [\"oci\"]\n";
        fs::write(runner.at("checkout/cluster.toml"), recipe).expect("written");
        fs::write(runner.at("checkout/keys.asc"), archive(1).keyring()).expect("written");
        runner
    }

    fn at(&self, path: &str) -> PathBuf {
        self.place.path().join(path)
    }

    /// The archive has this version from now on.
    fn serve(&self, version: u32) {
        for (path, bytes) in archive(version).build() {
            let path = self.at("mirror").join(path);
            fs::create_dir_all(path.parent().expect("below")).expect("made");
            fs::write(path, bytes).expect("written");
        }
    }

    /// Runs a script in the checkout, which must end well. What variables refer to is filled in by the shell, as it comes.
    #[expect(clippy::disallowed_methods, reason = "the steps of the document are shell")]
    fn run(&self, shell: &[&str], script: &str, variables: &[(&str, String)]) {
        let path = format!("{}:/usr/bin:/bin", self.at("bin").display());
        let mirror = format!("file://{}", self.at("mirror").display());
        let mut command = Command::new(shell[0]);
        command.args(&shell[1..]).arg(script).current_dir(self.at("checkout")).env_clear();
        command.env("PATH", path).env("HOME", self.place.path()).env("IMGBUILD_MIRROR", mirror);
        command.env("NOTES", self.at("notes")).envs(variables.iter().map(|(name, value)| (name, value)));
        let done = command.output().expect("a shell");
        let told = [done.stdout, done.stderr].concat();
        assert!(done.status.success(), "{script}: {}", String::from_utf8_lossy(&told));
    }

    /// What programs were asked for, and the last comment.
    fn notes(&self) -> (String, String) {
        let take = |name| {
            let text = fs::read_to_string(self.at(name)).unwrap_or_default();
            let _ = fs::remove_file(self.at(name));
            text
        };
        // Each run has a checkout of its own.
        for left in ["comment.md", "SHA256SUMS"] {
            let _ = fs::remove_file(self.at("checkout").join(left));
        }
        for left in ["build", "published"] {
            let _ = fs::remove_dir_all(self.at("checkout").join(left));
        }
        (take("notes"), take("notes.comment"))
    }

    fn github(&self, event: &str) -> (String, String) {
        let (jobs, variables) = github();
        let known: BTreeMap<&str, String> = [
            ("github.repository", "team/repository".to_owned()),
            ("github.workspace", self.at("checkout").display().to_string()),
            ("github.token", "t0k".to_owned()),
            ("github.actor", "somebody".to_owned()),
            ("github.event.number", "7".to_owned()),
        ]
        .into();
        let fill = |text: &str| {
            let mut filled = text.replace("ghcr.io", &self.registry.address);
            while let Some((before, rest)) = filled.clone().split_once("${{ ") {
                let (name, after) = rest.split_once(" }}").expect("an expression");
                filled = format!("{before}{}{after}", known.get(name).unwrap_or_else(|| panic!("{name}")));
            }
            filled
        };
        let variables: Vec<(&str, String)> =
            variables.iter().map(|(name, value)| (name.as_str(), fill(value))).collect();
        for job in jobs.values().filter(|job| holds(&job.condition, "github.event_name", event)) {
            for (condition, script) in &job.steps {
                if holds(condition, "github.event_name", event) {
                    assert!(!script.contains("${{"), "what is outside is no part of a script: {script}");
                    self.run(&["bash", "-e", "-c"], script, &variables);
                }
            }
        }
        self.notes()
    }

    fn gitlab(&self, event: &str, branch: &str) -> (String, String) {
        let (jobs, variables) = gitlab();
        let request = if event == "merge_request_event" { "7" } else { "" };
        let mut all = vec![
            ("CI_REGISTRY", self.registry.address.clone()),
            ("CI_REGISTRY_IMAGE", format!("{}/group", self.registry.address)),
            ("CI_PROJECT_DIR", self.at("checkout").display().to_string()),
            ("CI_REGISTRY_USER", "somebody".to_owned()),
            ("CI_REGISTRY_PASSWORD", "t0k".to_owned()),
            ("CI_API_V4_URL", "https://gitlab.example.org/api/v4".to_owned()),
            ("CI_PROJECT_ID", "3".to_owned()),
            ("CI_MERGE_REQUEST_IID", request.to_owned()),
            ("CI_COMMIT_BRANCH", branch.to_owned()),
            ("GITLAB_TOKEN", "t0k".to_owned()),
        ];
        for (name, value) in &variables {
            let filled =
                all.iter().rev().fold(value.clone(), |text, (name, value)| text.replace(&format!("${name}"), value));
            all.push((name, filled));
        }
        for job in jobs.values().filter(|job| holds(&job.condition, "$CI_PIPELINE_SOURCE", event)) {
            for (_, script) in &job.steps {
                self.run(&["sh", "-e", "-c"], script, &all);
            }
        }
        self.notes()
    }
}

/// An archive of one package in this version.
fn archive(version: u32) -> ArchiveBuilder {
    let hello = DebBuilder::new("hello", &format!("{version}.0-1"), "amd64");
    ArchiveBuilder::new("test").package(&hello.file("usr/bin/hello", 0o755, format!("{version}\n")))
}

#[test]
fn the_files_of_the_document_are_read() {
    let (jobs, variables) = github();
    assert_eq!(jobs.keys().collect::<Vec<_>>(), ["image", "update"]);
    assert_eq!((jobs["image"].steps.len(), jobs["update"].steps.len(), variables.len()), (6, 1, 5));
    assert_eq!(jobs["image"].steps[4].0, "github.event_name == 'push'");
    let (jobs, variables) = gitlab();
    assert_eq!(jobs.keys().collect::<Vec<_>>(), ["image", "update"]);
    assert_eq!((jobs["image"].steps[0].1.lines().count(), jobs["update"].steps[0].1.lines().count()), (8, 4));
    assert_eq!(variables.len(), 2);
    assert!(holds("github.event_name != 'schedule'", "github.event_name", "push"));
    assert!(!holds("github.event_name != 'schedule'", "github.event_name", "schedule"));
}

#[test]
fn each_step_does_what_the_document_says() {
    if !crate::switched_on("IMGBUILD_TEST_PEERS", "ci::each_step_does_what_the_document_says") {
        return;
    }
    let same = "\nNothing differs.";
    let runner = Runner::new();
    runner.serve(1);
    runner.run(&["sh", "-e", "-c"], "imgbuild lock cluster.toml", &[]);
    // Nothing is published yet; then it is, and a change that changes nothing says so.
    assert!(runner.github("pull_request").1.starts_with("No image could be pulled"));
    let (asked, comment) = runner.github("push");
    assert!(comment.is_empty() && asked.starts_with("docker login"), "{asked}");
    let (asked, comment) = runner.github("pull_request");
    assert!(comment.trim().ends_with(same), "{comment}");
    assert!(asked.contains("gh pr comment 7 --body-file comment.md") && !asked.contains("t0k"), "{asked}");
    assert!(comment.contains("\n| root.oci/ | "), "a container image is told of as a whole: {comment}");
    // A newer version changes nothing before the lock is moved.
    runner.serve(2);
    assert!(runner.github("pull_request").1.trim().ends_with(same));
    let (asked, _) = runner.github("schedule");
    assert!(asked.contains("git commit -m Move the lock cluster.lock\ngit push origin HEAD\ngh pr create"), "{asked}");
    let (_, comment) = runner.github("pull_request");
    assert!(comment.contains("hello") && comment.contains("2.0-1"), "{comment}");

    // The same at GitLab, which has another registry's name for it.
    assert!(runner.gitlab("merge_request_event", "").1.starts_with("No image could be pulled"));
    let (asked, comment) = runner.gitlab("push", "other");
    assert!(comment.is_empty() && !asked.contains("curl"), "{asked}");
    assert!(runner.gitlab("merge_request_event", "").1.starts_with("No image could be pulled"), "nothing is published");
    runner.gitlab("push", "main");
    let (asked, comment) = runner.gitlab("merge_request_event", "");
    assert!(comment.trim().ends_with(same), "{comment}");
    assert!(asked.contains("https://gitlab.example.org/api/v4/projects/3/merge_requests/7/notes"), "{asked}");
    runner.serve(3);
    let (asked, _) = runner.gitlab("schedule", "main");
    assert!(asked.contains("git push -o merge_request.create origin HEAD"), "{asked}");
    let (_, comment) = runner.gitlab("merge_request_event", "");
    assert!(comment.contains("3.0-1"), "{comment}");
}
