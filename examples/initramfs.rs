//! An initramfs and nothing else, of a root that is there: `cargo run --example initramfs -- ROOT.tar INITRD.img`
//!
//! The root has a kernel with its modules, initramfs-tools, klibc-utils and busybox; it may be from any other tool. With
//! no arguments it takes a root that it has made itself (`--features testing`).

#![expect(clippy::print_stdout, reason = "an example shows what it has made")]

use std::error::Error;
use std::fs::File;
use std::io;
use std::io::Read;
use std::sync::Arc;

use imgbuild::host::Host;
use imgbuild::host::MemoryStore;
use imgbuild::host::OfflineTransport;
use imgbuild::image;
use imgbuild::initramfs;
use imgbuild::testing;
use imgbuild::tree::Content;
use imgbuild::tree::Tree;
use imgbuild::tree::tar;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (root, mut output): (Tree, Box<dyn io::Write>) = match arguments.as_slice() {
        [root, output] => (read(root)?, Box::new(File::create(output)?)),
        _ => (testing::bootable_root(), Box::new(io::sink())),
    };
    // Nothing is fetched; the store keeps what is read of the modules, while this program runs.
    let host = Host::new(Arc::new(OfflineTransport), Arc::new(MemoryStore::new()));
    let options = initramfs::Options::new("amd64", 1_757_635_200);
    let made = initramfs::assemble(&host, &root, &options)?;
    for line in made.report.told() {
        println!("{line}");
    }
    let mut bytes = Vec::new();
    // As the kernel takes it; it may be compressed as well.
    image::write_newc(&made.tree, image::Xattrs::Dropped, &mut bytes)?;
    output.write_all(&bytes)?;
    println!("kernel {}, {} modules, {} bytes", made.report.kernel, made.report.modules.len(), bytes.len());
    Ok(())
}

fn read(path: &str) -> Result<Tree, Box<dyn Error>> {
    let mut keep = |bytes: &mut dyn Read, _| {
        let mut kept = Vec::new();
        bytes.read_to_end(&mut kept)?;
        Ok(Content::from_bytes(kept))
    };
    Ok(tar::read(&mut File::open(path)?, &mut keep)?)
}
