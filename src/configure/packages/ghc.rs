//! GHC: the cache of its packages, ghc-pkg(1).

use super::made::Made;
use super::package::Package;
use crate::configure::tools::later::leave_to_first_boot;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("ghc", ghc), ("ghc-pkg", ghc_pkg)],
    made: &[Made {
        package: "ghc",
        what: "the cache of Haskell's packages",
        from: &["usr/bin/ghc-pkg"],
        make: "ghc-pkg recache --global",
        units: &[],
        gone: &["var/lib/ghc/package.conf.d/package.cache*"],
        emptied: &[],
    }],
    ..Package::of("ghc")
};

/// Debian's architectures on which GHC has an interpreter (`rts/Linker.c` and debian/rules).
const INTERPRETED: [&str; 9] = ["amd64", "arm64", "armel", "armhf", "i386", "ppc64el", "powerpc", "riscv64", "x32"];

/// `ghc --info`, of which only is asked whether there is an interpreter.
fn ghc(call: &mut Call<'_, '_>) -> Done {
    if call.args != [b"--info"] {
        return Err(Fault::gap(show(&call.args.join(&b' '))));
    }
    let architecture = call.shell.system.architecture.clone();
    if !INTERPRETED.contains(&architecture.as_str()) {
        return Err(Fault::gap(format!("whether it has an interpreter on {architecture}")));
    }
    call.out(" [(\"Project name\",\"The Glorious Glasgow Haskell Compilation System\")\n ,(\"Have interpreter\",\"YES\")\n ]\n")
        .map(|()| 0)
}

/// `ghc-pkg recache|check --global`
fn ghc_pkg(call: &mut Call<'_, '_>) -> Done {
    match call.args {
        [verb, which] if which == b"--global" && (verb == b"recache" || verb == b"check") => leave_to_first_boot(call),
        _ => Err(Fault::gap(show(&call.args.join(&b' ')))),
    }
}
