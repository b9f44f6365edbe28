//! Invariants under test: a kernel module that is accepted is read the same by threads and beside another, answers to
//! its own name, and has indices that are made the same twice.
#![no_main]

use imgbuild::kernel::Kmod;
use imgbuild::kernel::Modules;
use imgbuild::tree::Tree;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut tree = Tree::new();
    tree.write("usr/lib/modules/6.1/kernel/drivers/some-driver.ko", 0o644, input).expect("new");
    let Ok(modules) = Modules::read(&tree, "6.1", 1) else { return };
    let [module] = modules.as_slice() else { panic!("one module, and {} were read", modules.as_slice().len()) };
    assert_eq!((module.name.as_str(), modules.named("some-driver")), ("some_driver", Some(0)));
    assert_eq!(Modules::read(&tree, "6.1", 2).expect("it was read").as_slice(), modules.as_slice());
    for version in [32, 33, 34] {
        if let Ok(indices) = modules.indices(Kmod::new(version)) {
            assert_eq!(modules.indices(Kmod::new(version)).expect("they were made"), indices);
            assert!(indices["modules.dep"].starts_with(b"kernel/drivers/some-driver.ko:"));
        }
    }
});
