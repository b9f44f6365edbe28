//! A recipe built by imgbuild, its packages by mmdebstrap and debootstrap, and the bare limit: side by side, in one run.
//!
//! `IMGBUILD_TEST_MIRROR=1 IMGBUILD_TEST_ROOT=1 IMGBUILD_TEST_PEERS=1 cargo bench --bench peers`, as root, with the
//! packages `mmdebstrap`, `debootstrap` and `time`. Each is run `IMGBUILD_BENCH_RUNS` times (5), in turn, and the
//! median is printed; `IMGBUILD_TEST_WRITE=1` writes the table into `doc/speed.md`. All take the mirror of the machine's
//! own apt. `IMGBUILD_BENCH_PROGRAM` is another imgbuild to measure, for before and after.
//!
//! What is compared: mmdebstrap gets the very packages of imgbuild's lock, debootstrap the recipe's wishes over its
//! smallest variant. Both leave a root alone; imgbuild also verifies and writes the initramfs, the head's files,
//! manifest and SBOM. Where the recipe's packages make an initramfs of their own in the peers, that time is theirs.
//! The bare limit is what no program can do without that makes such a root of packages that it has: each .deb is hashed
//! and decoded, each of its files hashed, and as many bytes written as the root's tar has.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]
#![expect(clippy::disallowed_methods, reason = "a bench runs programs in directories of its own")]

mod measure;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use imgbuild::host;
use imgbuild::recipe;
use imgbuild::recipe::Lock;
use imgbuild::recipe::PackageRequest;
use imgbuild::recipe::Recipe;
use measure::Cost;
use measure::median;
use measure::run;
use measure::words;

const RECIPES: [&str; 2] = ["recipes/minimal.toml", "recipes/diskless-node.toml"];
/// What other rows are held beside.
const LIMIT: &str = "the bare limit: decode, hash, write";
/// With what decides which packages, and what `modules.dep` is made from.
const LIMIT_ALL: &str = "the bare limit, and index and kernel modules decoded";

/// What a user writes into a recipe between two builds.
#[derive(Debug)]
enum Change {
    /// At the end.
    More(&'static str),
    /// In place of something, once.
    Other(&'static str, &'static str),
    /// A package of another version: name and version.
    Moved(String, String),
}

impl Change {
    /// The recipe with the change; `None`: it has nothing of the kind.
    fn made_in(&self, recipe: &str) -> Option<String> {
        match self {
            Self::More(text) if text.starts_with("[[node]]") && !recipe.contains("[[node]]") => None,
            Self::More(text) => Some(format!("{recipe}\n{text}")),
            Self::Other(before, after) => recipe.contains(before).then(|| recipe.replacen(before, after, 1)),
            Self::Moved(name, version) => {
                let pinned = format!("packages = [\n    \"{name}={version}\",");
                Some(recipe.replacen("packages = [", &pinned, 1))
            }
        }
    }
}

/// Made one after the other, each in the recipe as the one before has left it.
fn changes(moved: Option<&(String, String)>) -> Vec<(&'static str, Change)> {
    let overlay = "[[overlay]]\npath = \"/etc/issue.net\"\ncontent = \"Another one.\\n\"\n";
    let node = "[[node]]\nname = \"rumbler\"\nmac = \"02:00:00:00:00:09\"\naddress = \"192.168.1.13\"\n";
    let mut changes = vec![
        ("another file of the overlay", Change::More(overlay)),
        ("another node", Change::More(node)),
        ("another kernel argument", Change::Other("kernel-arguments = [", "kernel-arguments = [\"quiet\", ")),
    ];
    changes.extend(moved.map(|(name, version)| ("one package moved", Change::Moved(name.clone(), version.clone()))));
    changes.push(("the initramfs by gzip", Change::Other("compression = \"zstd\"", "compression = \"gzip\"")));
    changes
}

/// A recipe with its lock, a cache and an output, as a user has them.
struct Place {
    directory: tempfile::TempDir,
    recipe: Recipe,
}

impl Place {
    fn new(recipe: &str) -> Self {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
        fs::write(directory.path().join("recipe.toml"), recipe).expect("ours");
        let recipe = recipe::load(&directory.path().join("recipe.toml")).expect("the example is right");
        Self { directory, recipe }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A directory for one run of something.
    fn new_directory(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir(&path).expect("ours");
        path
    }

    fn lock_path(&self) -> PathBuf {
        self.path(&format!("{}.lock", self.recipe.name))
    }

    /// Builds into `out`.
    fn build(&self, out: &str) -> Cost {
        let (recipe, out, cache) = (self.path("recipe.toml"), self.path(out), self.path("cache"));
        let args = [recipe.as_os_str(), "-o".as_ref(), out.as_os_str(), "--cache".as_ref(), cache.as_os_str()];
        run(measure::program(), &[words(&args), words(&["-q"])].concat(), self.directory.path())
    }

    /// Makes the recipe's lock, of which no time is taken; `None`: it has no solution.
    fn lock(&self) -> Option<Lock> {
        let mut command = Command::new(measure::program());
        command.args(["lock", "-q", "--update", "--cache"]).arg(self.path("cache")).arg(self.path("recipe.toml"));
        let output = command.output().expect("it starts");
        output.status.success().then(|| Lock::read(&self.lock_path()).expect("our own lock").expect("it was written"))
    }
}

fn versions(lock: &Lock) -> BTreeMap<(String, String), String> {
    let name = |package: &recipe::LockedPackage| (package.name.clone(), package.architecture.clone());
    lock.packages.iter().map(|package| (name(package), package.version.clone())).collect()
}

/// A package that the archive has in two versions, of which the older one changes nothing else: name and that version.
fn movable(recipe: &str) -> Option<(String, String)> {
    let place = Place::new(recipe);
    let newest = place.lock()?;
    fs::write(place.path("recipe.toml"), recipe.replacen("[debian]", "[debian]\npockets = []", 1)).expect("ours");
    let oldest = versions(&place.lock()?);
    let newest_versions = versions(&newest);
    let mut packages: Vec<_> = newest.packages.iter().collect();
    packages.sort_by_key(|package| std::cmp::Reverse(package.size));
    packages.into_iter().find_map(|package| {
        let version = oldest.get(&(package.name.clone(), package.architecture.clone()))?;
        if *version == package.version {
            return None;
        }
        let moved = Change::Moved(package.name.clone(), version.clone()).made_in(recipe)?;
        fs::write(place.path("recipe.toml"), moved).expect("ours");
        let versions = versions(&place.lock()?);
        let differ = versions.iter().filter(|(name, version)| newest_versions.get(name) != Some(version)).count();
        (differ == 1 && versions.len() == newest_versions.len()).then(|| (package.name.clone(), version.clone()))
    })
}

/// The suite's three pockets, as `sources.list` has them.
fn sources(recipe: &Recipe, mirrors: &host::apt::AptMirrors) -> Vec<String> {
    let suite = &recipe.debian.suite;
    let (debian, security) = (&mirrors.debian[0], mirrors.security.first().unwrap_or(&mirrors.debian[0]));
    vec![
        format!("deb {debian} {suite} main"),
        format!("deb {debian} {suite}-updates main"),
        format!("deb {security} {suite}-security main"),
    ]
}

fn mmdebstrap(recipe: &Recipe, lock: &Lock, mirrors: &host::apt::AptMirrors, place: &Path) -> Cost {
    let include: Vec<String> =
        lock.packages.iter().map(|locked| format!("{}={}", locked.name, locked.version)).collect();
    let mut args: Vec<String> =
        ["--mode=root", "--variant=essential", "--format=tar", "--skip=output/mknod", "--quiet"]
            .map(str::to_owned)
            .into();
    args.push(format!("--include={}", include.join(",")));
    args.push("--aptopt=APT::Install-Recommends \"false\"".into());
    args.extend(recipe.install.exclude.iter().map(|glob| format!("--dpkgopt=path-exclude={glob}")));
    args.extend(recipe.install.include.iter().map(|glob| format!("--dpkgopt=path-include={glob}")));
    args.push(recipe.debian.suite.clone());
    args.push(place.join("root.tar").display().to_string());
    args.extend(sources(recipe, mirrors));
    run("mmdebstrap", &words(&args), place)
}

fn debootstrap(recipe: &Recipe, mirrors: &host::apt::AptMirrors, place: &Path) -> Cost {
    let name = |wish: &PackageRequest| match wish {
        PackageRequest::Named { name, .. } => name.clone(),
        other => panic!("debootstrap takes no {other:?}"),
    };
    let wishes: Vec<String> = recipe.packages.iter().map(name).collect();
    let mut args = words(&["--variant=minbase"]);
    args.push(format!("--include={}", wishes.join(",")).into());
    args.push(recipe.debian.suite.clone().into());
    args.push(place.join("root").into());
    args.push(OsString::from(&mirrors.debian[0]));
    run("debootstrap", &args, place)
}

/// What each run of a row took, in the order of the runs.
type Rows = Vec<(String, Vec<Cost>)>;

fn note(rows: &mut Rows, what: &str, cost: Cost) {
    match rows.iter_mut().find(|(name, _)| name == what) {
        Some((_, costs)) => costs.push(cost),
        None => rows.push((what.to_owned(), vec![cost])),
    }
}

fn measure(source: &str, runs: usize, mirrors: &host::apt::AptMirrors) -> Rows {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(source)).expect("an example");
    let moved = movable(&text);
    match &moved {
        Some((name, version)) => println!("{source}: what moves is {name}, to {version}"),
        None => println!("{source}: left out: one package moved (none of the mirror's moves alone)"),
    }
    let mut rows = Rows::new();
    for _ in 0..runs {
        let place = Place::new(&text);
        note(&mut rows, "imgbuild, empty cache", place.build("out"));
        // As a user keeps it, and what follows starts from it.
        let name = format!("{}.lock", place.recipe.name);
        fs::copy(place.path("out").join(&name), place.lock_path()).expect("it was written");
        // That a lock is proved is known from the first build with it on.
        place.build("out");
        let lock = Lock::read(&place.lock_path()).expect("our own lock").expect("it was written");
        let root = place.path("out/root.tar");
        let limit = |directory: &str, all| {
            let directory = place.new_directory(directory);
            measure::bare_limit(&place.path("cache"), &place.lock_path(), &root, &directory, all)
        };
        note(&mut rows, LIMIT, limit("limit", false));
        note(&mut rows, LIMIT_ALL, limit("limit-all", true));
        note(&mut rows, "imgbuild again, nothing changed", place.build("out"));
        note(&mut rows, "imgbuild again, elsewhere", place.build("elsewhere"));
        let mut recipe = text.clone();
        for (what, change) in changes(moved.as_ref()) {
            let Some(changed) = change.made_in(&recipe) else { continue };
            recipe = changed;
            fs::write(place.path("recipe.toml"), &recipe).expect("ours");
            if matches!(change, Change::Moved(..)) {
                place.lock().expect("it had a solution");
            }
            note(&mut rows, &format!("imgbuild again, {what}"), place.build("out"));
        }
        let own = mmdebstrap(&place.recipe, &lock, mirrors, &place.new_directory("mmdebstrap"));
        note(&mut rows, "mmdebstrap, root, tar", own);
        let own = debootstrap(&place.recipe, mirrors, &place.new_directory("debootstrap"));
        note(&mut rows, "debootstrap, root, directory", own);
    }
    rows
}

/// Lines of the table. A quotient is of two that ran one after the other, and the middle of those.
fn lines(recipe: &str, rows: &Rows) -> String {
    let limit = &rows.iter().find(|(what, _)| what == LIMIT).expect("it was measured").1;
    let mut text = String::new();
    for (what, costs) in rows {
        let of = |part: fn(&Cost) -> f64| median(costs.iter().map(part).collect());
        let (wall, cpu) = (of(|cost| cost.wall), of(|cost| cost.cpu));
        let (peak, written) = (of(|cost| cost.peak_mib), of(|cost| cost.written_mib));
        let times = median(costs.iter().zip(limit).map(|(cost, limit)| cost.cpu / limit.cpu).collect());
        writeln!(text, "| {recipe} | {what} | {wall:.2} | {cpu:.2} | {times:.2} | {peak:.0} | {written:.1} |")
            .expect("a text");
    }
    text
}

fn main() {
    if measure::is_bare_limit() {
        return;
    }
    if !measure::switched_on(&["IMGBUILD_TEST_MIRROR", "IMGBUILD_TEST_ROOT", "IMGBUILD_TEST_PEERS"]) {
        return;
    }
    let runs = measure::number("IMGBUILD_BENCH_RUNS", 5);
    let mirrors = host::apt::mirrors(Path::new("/"));
    let mut table =
        "| recipe | | wall s | CPU s | CPU ÷ limit | peak MiB | written MiB |\n|---|---|---|---|---|---|---|\n"
            .to_owned();
    for recipe in RECIPES {
        let rows = measure(recipe, runs, &mirrors);
        let name = Path::new(recipe).file_stem().expect("a name").to_string_lossy();
        let lines = lines(&name, &rows);
        print!("{lines}");
        table.push_str(&lines);
    }
    println!("left out: mkosi (bookworm's makes its root by debootstrap), rdebootstrap (not in Debian)");
    measure::publish("peers", &format!("{table}\n{}\n", measure::occasion(runs)));
}
