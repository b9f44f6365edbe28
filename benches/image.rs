//! The output formats: how many bytes of a tree each writes in a second, and how large its output is.
//!
//! `cargo bench --bench image` measures a made-up root of 170 MB, on one thread and on two; with `IMGBUILD_TEST_PEERS=1`
//! also mksquashfs and mkfs.erofs on the same tree, with the same compressors.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]
#![expect(clippy::disallowed_methods, reason = "a bench has a clock, an environment and programs to compare with")]

use std::fs;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use imgbuild::cancel::Cancel;
use imgbuild::image;
use imgbuild::image::Owners;
use imgbuild::image::Xattrs;
use imgbuild::image::erofs;
use imgbuild::image::squashfs;
use imgbuild::tree::Tree;

/// Files of a root: many small ones, some large ones; two thirds compress as text and programs do, one does not.
fn root() -> (Tree, u64) {
    let mut tree = Tree::new();
    let mut total = 0;
    let mut state = 1_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for number in 0..4000_u64 {
        let size = match number % 100 {
            0 => 3_000_000,
            1..10 => 100_000,
            10..50 => 9_000,
            _ => 1_500,
        };
        let word: Vec<[u8; 8]> = (0..200).map(|_| next().to_le_bytes()).collect();
        let piece = |at: u64| if number % 3 == 0 { at.to_le_bytes() } else { word[at as usize % 200] };
        let bytes: Vec<u8> = (0..size / 8).flat_map(|_| piece(next())).collect();
        total += bytes.len() as u64;
        tree.write(format!("usr/lib/package-{}/file-{number}", number / 20), 0o644, bytes).expect("new");
    }
    (tree, total)
}

fn report(name: &str, took: Duration, input: u64, output: u64) {
    let rate = input as f64 / took.as_secs_f64() / 1e6;
    println!("{name:24} {:>8.2} s  {rate:>8.1} MB/s  {output:>12} bytes", took.as_secs_f64());
}

fn timed(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

fn main() {
    let (tree, total) = root();
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("image");
    let create = || BufWriter::with_capacity(1 << 20, File::create(&path).expect("a file"));
    let length = || fs::metadata(&path).expect("it was written").len();

    let took = timed(|| drop(image::write_tar(&tree, create()).expect("it can be written")));
    report("tar", took, total, length());
    let took = timed(|| image::write_newc(&tree, Xattrs::Refused, create()).expect("it can be written"));
    report("newc", took, total, length());
    for jobs in [1, 2] {
        let mut options = squashfs::Options::default();
        options.jobs = jobs;
        let took = timed(|| drop(image::write_squashfs(&tree, &options, create()).expect("it can be written")));
        report(&format!("squashfs, zstd, {jobs} jobs"), took, total, length());
        let mut options = erofs::Options::default();
        options.jobs = jobs;
        let took = timed(|| drop(image::write_erofs(&tree, &options, create()).expect("it can be written")));
        report(&format!("erofs, lz4, {jobs} jobs"), took, total, length());
    }
    let mut options = erofs::Options::default();
    options.compression = erofs::Compression::None;
    let took = timed(|| drop(image::write_erofs(&tree, &options, create()).expect("it can be written")));
    report("erofs, not compressed", took, total, length());

    if std::env::var_os("IMGBUILD_TEST_PEERS").is_none_or(|value| value != "1") {
        println!("skipped: mksquashfs and mkfs.erofs (set IMGBUILD_TEST_PEERS=1)");
        return;
    }
    let root = directory.path().join("root");
    fs::create_dir(&root).expect("a directory");
    image::write_directory(&tree, &root, Owners::Dropped, &Cancel::default()).expect("it can be written");
    peer("mksquashfs", &[&root, &path], &["-quiet", "-no-progress", "-noappend", "-comp", "zstd"], total);
    peer("mkfs.erofs", &[&path, &root], &["--quiet", "-zlz4hc"], total);
}

/// Runs a program on the tree in a directory. The image is the path that has no children.
fn peer(program: &str, paths: &[&Path], options: &[&str], total: u64) {
    let mut command = Command::new(program);
    // mksquashfs wants its options behind the paths, mkfs.erofs before them.
    if program == "mksquashfs" {
        command.args(paths).args(options);
    } else {
        command.args(options).args(paths);
    }
    let took = timed(|| assert!(command.output().expect("it starts").status.success(), "{program}"));
    let image = paths.iter().find(|path| path.is_file()).expect("it was written");
    report(program, took, total, fs::metadata(image).expect("it was written").len());
}
