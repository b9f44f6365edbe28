//! What commands say, written down: for tests beside each of them that need no real tool.

use crate::configure::machine;
use crate::shell::Shell;
use crate::tree::Tree;

/// Runs a script where nothing is but directories: what it writes to standard output, its status, and what it lacked.
pub(crate) fn run(script: &str) -> (String, i32, Vec<String>) {
    let mut tree = Tree::new();
    for directory in ["tmp", "etc", "usr/bin"] {
        tree.make_directories(directory, 0o755).expect("new");
    }
    let mut system = machine(tree, "amd64", 1_795_869_296);
    let mut shell = Shell::new(&mut system, "sh", &[("PATH", "/usr/bin"), ("LC_ALL", "C")]);
    let quiet = format!("exec 2>/dev/null\n{script}");
    let outcome = shell.run_script(quiet.as_bytes(), &[], &[]).expect("it ends");
    let gaps = system.gaps.iter().map(|gap| format!("{}: {}", gap.command, gap.what)).collect();
    (String::from_utf8_lossy(&outcome.output).into_owned(), outcome.status, gaps)
}

/// Each script writes that text, ends with that status, and lacks nothing.
pub(crate) fn says(cases: &[(&str, &str, i32)]) {
    for (script, output, status) in cases {
        let (found, code, gaps) = run(script);
        assert_eq!((found.as_str(), code, gaps.as_slice()), (*output, *status, &[][..]), "{script}");
    }
}

/// The same with a coreutils of some version in the tree: what differs between releases is that of the tree's.
pub(crate) fn releases_say(cases: &[(&str, &str, &str, i32)]) {
    for (version, script, output, status) in cases {
        says(&[(&with("coreutils", version, script), output, *status)]);
    }
}

/// A script in whose tree a package is installed.
pub(crate) fn with(package: &str, version: &str, script: &str) -> String {
    format!(
        "mkdir -p /var/lib/dpkg; printf 'Package: {package}\\nStatus: x\\nVersion: {version}\\n\\nPackage: z\\nVersion: 1\\n' \
         >/var/lib/dpkg/status; {script}"
    )
}

/// Each script lacks something, whose description has these words.
pub(crate) fn lacks(cases: &[(&str, &str)]) {
    for (script, words) in cases {
        let (_, _, gaps) = run(script);
        assert!(gaps.iter().any(|gap| gap.contains(words)), "{script}: {gaps:?}");
    }
}
