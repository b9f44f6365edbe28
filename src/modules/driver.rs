//! What runs in the sandbox: dkms, with nothing that differs from one machine or day to the other.

use std::io;

use super::Error;
use super::Job;
use crate::deb::date;
use crate::host::Host;
use crate::host::SandboxError;
use crate::host::SandboxJob;
use crate::host::run_in;
use crate::host::still_clock;
use crate::limits::seconds;
use crate::tree;
use crate::tree::Inode;
use crate::tree::Tree;
use crate::tree::tar;

/// Debian's names of architectures, where Rust has others.
pub(super) const ARCHITECTURES: [(&str, &str); 6] = [
    ("x86_64", "amd64"),
    ("aarch64", "arm64"),
    ("x86", "i386"),
    ("arm", "armhf"),
    ("powerpc64", "ppc64el"),
    ("loongarch64", "loong64"),
];

/// Where the script and the programs that stand aside lie.
const PLACE: &str = "var/lib/imgbuild-modules";
/// Directories that a root in the sandbox must have.
const FURNITURE: [&str; 6] = ["dev", "proc", "sys", "run", "tmp", "var/tmp"];
/// Makefiles that ask which kernel runs mean the one that they are for.
const UNAME: &str = "#!/bin/sh\nif [ \"$*\" = -r ]; then echo \"$IMGBUILD_KERNEL\"; else exec /var/lib/imgbuild-modules/uname \"$@\"; fi\n";

/// dkms draws a key and signs with it where it finds the program for that: what is signed here is so by the recipe's key,
/// outside. `WANTED` are the directories that must build something; others may not be for this kernel.
const SCRIPT: &str = r#"
set -u
lost() {
    echo "$1" >&2
    shift
    for log; do
        if [ -f "$log" ]; then tail -n 15 "$log" >&2; fi
    done
    exit 1
}
mkdir -p /etc/dkms/framework.conf.d
echo 'sign_file="/nonexistent"' > /etc/dkms/framework.conf.d/zz-imgbuild.conf
export IMGBUILD_KERNEL="${KERNELS%% *}"
for source in /usr/src/*/dkms.conf; do
    dkms add "${source%/dkms.conf}" || lost "dkms does not take ${source}"
done
for IMGBUILD_KERNEL in $KERNELS; do
    export IMGBUILD_KERNEL
    dkms autoinstall -k "$IMGBUILD_KERNEL" || lost "dkms has not built all modules for $IMGBUILD_KERNEL" \
        /var/lib/dkms/*/*/build/make.log
    for source in /var/lib/dkms/*/*/source; do
        case " $WANTED " in *" $(readlink "$source") "*) ;; *) continue ;; esac
        of=${source%/source}
        version=${of##*/}
        name=${of%/*}
        set -- "$of/$IMGBUILD_KERNEL"/*/module/*.ko*
        # What is not to be built by itself is built when it is asked for.
        if [ ! -e "$1" ]; then
            dkms install -m "${name##*/}" -v "$version" -k "$IMGBUILD_KERNEL" ||
                lost "dkms has not built ${name##*/}/$version for $IMGBUILD_KERNEL" "$of/build/make.log"
        fi
    done
done
"#;

/// Builds what `wanted`, directories below `/usr/src`, and other sources there have; gives what is there then.
pub(super) fn run(host: &Host, job: &Job<'_>, wanted: &[&str]) -> Result<Tree, Error> {
    let mut tree = job.system.clone();
    stand_aside(&mut tree, job.epoch)?;
    let kernels = job.kernels.join(" ");
    let wanted: Vec<String> = wanted.iter().map(|source| format!("/usr/src/{source}")).collect();
    let script = format!("#!/bin/sh\nKERNELS='{kernels}'\nWANTED='{}'\n{SCRIPT}", wanted.join(" "));
    tree.write(format!("{PLACE}/run"), 0o755, script)?;
    let timeout = seconds(host.limits.scripts);
    let job = SandboxJob { command: vec![format!("/{PLACE}/run")], environment: environment(job.epoch), timeout };
    run_in(host, &tree, &job, "dkms").map_err(Error::Run)
}

/// The same on every machine and day.
fn environment(epoch: i64) -> Vec<(String, String)> {
    let of = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let fixed = [
        ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        ("HOME", "/root"),
        ("LC_ALL", "C.UTF-8"),
        ("TZ", "UTC0"),
        ("KBUILD_BUILD_USER", "imgbuild"),
        ("KBUILD_BUILD_HOST", "localhost"),
        ("KBUILD_BUILD_VERSION", "1"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
        ("PYTHONHASHSEED", "0"),
    ];
    let mut all: Vec<(String, String)> = fixed.into_iter().map(of).collect();
    all.push(of(("SOURCE_DATE_EPOCH", &epoch.to_string())));
    all.push(of(("KBUILD_BUILD_TIMESTAMP", &date::format(epoch))));
    all
}

/// Programs that tell of the machine or the day stand aside, and so does one whose work nobody looks at.
fn stand_aside(tree: &mut Tree, epoch: i64) -> Result<(), tree::Error> {
    tree.make_directories(PLACE, 0o755)?;
    let clock = still_clock(epoch, &format!("/{PLACE}/date"));
    for (name, text) in [("usr/bin/date", &*clock), ("usr/bin/uname", UNAME), ("usr/sbin/depmod", "#!/bin/sh\n")] {
        let Some(real) = tree.lookup(name).map(|(_, inode)| inode.clone()) else { continue };
        let path = tree.resolve(name, false)?;
        tree.put(format!("{PLACE}/{}", name.rsplit('/').next().unwrap_or(name)), real)?;
        tree.insert(path, Inode::file(0o755, text))?;
    }
    Ok(())
}

/// Asks for a command that is not there, in a root with nothing in it: whoever says so has a sandbox.
pub(super) fn attempt(host: &Host) -> Result<(), SandboxError> {
    let mut root = Tree::new();
    for directory in FURNITURE {
        root.make_directories(directory, 0o755).expect("it is empty");
    }
    let mut input = Vec::new();
    tar::write(&root, &mut input).map_err(|error| SandboxError::Io(io::Error::other(error)))?;
    let job = SandboxJob { command: vec!["/none".to_owned()], environment: Vec::new(), timeout: seconds(60) };
    host.sandbox.run(&job, &mut input.as_slice(), &mut io::sink(), &mut io::sink())
}
