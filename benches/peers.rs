//! A recipe built by imgbuild, and its packages by mmdebstrap and debootstrap: side by side, in one run.
//!
//! `IMGBUILD_TEST_MIRROR=1 IMGBUILD_TEST_ROOT=1 IMGBUILD_TEST_PEERS=1 cargo bench --bench peers`, as root, with the
//! packages `mmdebstrap`, `debootstrap` and `time`. Each is run `IMGBUILD_BENCH_RUNS` times (3), in turn, and the
//! median is printed. All take the mirror of the machine's own apt.
//!
//! What is compared: mmdebstrap gets the very packages of imgbuild's lock, debootstrap the recipe's wishes over its
//! smallest variant. Both leave a root alone; imgbuild also verifies and writes the initramfs, the head's files,
//! manifest and SBOM. Where the recipe's packages make an initramfs of their own in the peers, that time is theirs.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]
#![expect(clippy::disallowed_methods, reason = "a bench runs programs in directories of its own")]

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use imgbuild::host;
use imgbuild::recipe;
use imgbuild::recipe::Lock;
use imgbuild::recipe::PackageRequest;
use imgbuild::recipe::Recipe;

/// What one run took.
#[derive(Debug, Clone, Copy)]
struct Cost {
    wall: f64,
    cpu: f64,
    /// Of the largest process.
    peak_mib: f64,
}

/// Runs a program under time(1).
fn run(command: &str, args: &[String], place: &Path) -> Cost {
    let (cost, log) = (place.join("cost"), place.join("log"));
    let output = Command::new("time")
        .args(["--format", "%e %U %S %M", "--output"])
        .arg(&cost)
        .arg(command)
        .args(args)
        .env("TMPDIR", place)
        .output()
        .expect("time(1) is installed");
    std::fs::write(&log, &output.stderr).expect("ours");
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(cost).expect("time(1) wrote it");
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [wall, user, system, peak] = numbers[..] else { panic!("time(1) wrote {text:?}") };
    Cost { wall, cpu: user + system, peak_mib: peak / 1024.0 }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn print(recipe: &str, what: &str, costs: &[Cost]) {
    let of = |part: fn(&Cost) -> f64| median(costs.iter().map(part).collect());
    let (wall, cpu, peak) = (of(|cost| cost.wall), of(|cost| cost.cpu), of(|cost| cost.peak_mib));
    println!("| {recipe} | {what} | {wall:.1} | {cpu:.1} | {peak:.0} |");
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
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
    let mut args = words(&["--mode=root", "--variant=essential", "--format=tar", "--skip=output/mknod", "--quiet"]);
    args.push(format!("--include={}", include.join(",")));
    args.push("--aptopt=APT::Install-Recommends \"false\"".into());
    args.extend(recipe.install.exclude.iter().map(|glob| format!("--dpkgopt=path-exclude={glob}")));
    args.extend(recipe.install.include.iter().map(|glob| format!("--dpkgopt=path-include={glob}")));
    args.push(recipe.debian.suite.clone());
    args.push(place.join("root.tar").display().to_string());
    args.extend(sources(recipe, mirrors));
    run("mmdebstrap", &args, place)
}

fn debootstrap(recipe: &Recipe, mirrors: &host::apt::AptMirrors, place: &Path) -> Cost {
    let name = |wish: &PackageRequest| match wish {
        PackageRequest::Named { name, .. } => name.clone(),
        other => panic!("debootstrap takes no {other:?}"),
    };
    let wishes: Vec<String> = recipe.packages.iter().map(name).collect();
    let mut args = words(&["--variant=minbase"]);
    args.push(format!("--include={}", wishes.join(",")));
    args.push(recipe.debian.suite.clone());
    args.push(place.join("root").display().to_string());
    args.push(mirrors.debian[0].clone());
    run("debootstrap", &args, place)
}

fn imgbuild(recipe: &Path, cache: &Path, place: &Path) -> Cost {
    let args = [recipe, Path::new("-o"), &place.join("out"), Path::new("--cache"), cache, Path::new("-q")];
    let args: Vec<String> = args.iter().map(|word| word.display().to_string()).collect();
    run(env!("CARGO_BIN_EXE_imgbuild"), &args, place)
}

fn measure(source: &str, runs: usize, mirrors: &host::apt::AptMirrors) {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
    let recipe = recipe::load(&path).expect("the example is right");
    let place = || tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let (mut cold, mut warm, mut mmdebstraps, mut debootstraps) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        let (cache, first, second) = (place(), place(), place());
        cold.push(imgbuild(&path, cache.path(), first.path()));
        warm.push(imgbuild(&path, cache.path(), second.path()));
        let lock = first.path().join("out").join(format!("{}.lock", recipe.name));
        let lock = Lock::read(&lock).expect("our own lock").expect("it was written");
        mmdebstraps.push(mmdebstrap(&recipe, &lock, mirrors, place().path()));
        debootstraps.push(debootstrap(&recipe, mirrors, place().path()));
    }
    print(&recipe.name, "imgbuild, empty cache", &cold);
    print(&recipe.name, "imgbuild, again", &warm);
    print(&recipe.name, "mmdebstrap, root, tar", &mmdebstraps);
    print(&recipe.name, "debootstrap, root, directory", &debootstraps);
}

fn main() {
    let switches = ["IMGBUILD_TEST_MIRROR", "IMGBUILD_TEST_ROOT", "IMGBUILD_TEST_PEERS"];
    if let Some(off) = switches.iter().find(|switch| std::env::var_os(switch).is_none_or(|value| value != "1")) {
        println!("skipped: all of it (set {off}=1)");
        return;
    }
    let runs = std::env::var("IMGBUILD_BENCH_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(3);
    let mirrors = host::apt::mirrors(Path::new("/"));
    println!("| recipe | | wall s | CPU s | peak MiB |");
    println!("|---|---|---|---|---|");
    for recipe in ["recipes/minimal.toml", "recipes/diskless-node.toml"] {
        measure(recipe, runs, &mirrors);
    }
}
