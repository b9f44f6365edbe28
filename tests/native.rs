//! The native way on real packages: what scripts need, and what they leave, beside the real thing.
//!
//! `IMGBUILD_TEST_DEBS` names a directory of .debs that are one installable set.

use std::path::PathBuf;
use std::sync::Arc;

use imgbuild::configure;
use imgbuild::configure::configure;
use imgbuild::deb::file::DebFile;
use imgbuild::fetch::Deb;
use imgbuild::host;
use imgbuild::host::Host;
use imgbuild::host::store::DirStore;
use imgbuild::unpack;
use imgbuild::unpack::unpack;

use crate::switched_on;

#[test]
#[expect(clippy::disallowed_methods, clippy::print_stderr, reason = "the set is given from outside")]
fn scripts_of_a_real_set_are_followed() {
    if !switched_on("IMGBUILD_TEST_PEERS", "scripts_of_a_real_set_are_followed") {
        return;
    }
    let Some(directory) = std::env::var_os("IMGBUILD_TEST_DEBS").map(PathBuf::from) else { return };
    let stored = tempfile::tempdir().expect("a directory");
    let host = Host {
        transport: Arc::new(host::OfflineTransport),
        store: Arc::new(DirStore::open(stored.path().join("store")).expect("a store")),
        trust: Arc::new(host::openpgp::OpenPgp),
        sandbox: Arc::new(host::NoSandbox),
        reporter: Arc::new(host::Silent),
        now: 0,
        jobs: 2,
    };
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let debs: Vec<Deb> = paths
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .map(|path| {
            let bytes = std::fs::read(path).expect("a file");
            let mut writer = host.store.writer().expect("the store takes it");
            std::io::Write::write_all(&mut writer, &bytes).expect("the store takes it");
            let blob = writer.commit(None).expect("the store takes it");
            let file = DebFile::read(bytes.as_slice(), 1).expect("a .deb");
            Deb { package: file.package(blob.size, blob.sha256).expect("a package"), blob }
        })
        .collect();
    let mut options = unpack::Options::default();
    options.architecture = "amd64".into();
    options.exclude = vec!["/usr/share/doc/*".into(), "/usr/share/locale/*".into()];
    let root = unpack(&host, &debs, &options, &mut |_, _, _| Ok(())).expect("the set fits");
    let mut options = configure::Options::default();
    options.architecture = "amd64".into();
    options.epoch = 1_757_635_200;
    let started = std::time::Instant::now();
    let result = configure(&host, root, &options);
    eprintln!("configured in {:?}", started.elapsed());
    match result {
        Ok(configured) => {
            if let Some(path) = std::env::var_os("IMGBUILD_TEST_DUMP") {
                std::fs::write(path, imgbuild::tree::dump(&configured.tree)).expect("a file");
            }
        }
        Err(error) => panic!("{error}"),
    }
}
