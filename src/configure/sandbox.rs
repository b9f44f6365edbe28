//! The other way to configure: the target's own dpkg, in the host's sandbox.
//!
//! All files are there already, so one run does it: the preinsts in the order of unpacking (on a fresh system they
//! make accounts, diversions and marks, and none tests for what unpacking has already brought), debconf's answers,
//! then `dpkg --configure`. While scripts run, a few programs that would start daemons or do work that is ours
//! stand aside for stubs; afterwards the originals are put back and what came back is looked at with suspicion.

use std::collections::BTreeSet;

use super::Error;
use super::Options;
use super::Outcome;
use super::PackageReport;
use super::environment::of_dpkg;
use super::environment::of_scripts;
use super::first_boot;
use super::sequence::Act;
use super::sequence::Sequence;
use super::sequence::in_sequence;
use super::status;
use super::tools::debconf;
use super::tools::dpkg::database::Database;
use super::tools::dpkg::database::State;
use crate::host::Host;
use crate::host::RunError;
use crate::host::SandboxJob;
use crate::host::run_in;
use crate::host::still_clock;
use crate::limits::seconds;
use crate::recipe::Treatment;
use crate::tree::Inode;
use crate::tree::Kind;
use crate::tree::Tree;
use crate::tree::TreePath;
use crate::unpack::Installed;
use crate::unpack::Withheld;

/// Programs that stand aside: path, the stub's text, why.
const STUBS: [(&str, &str, &str); 4] = [
    ("usr/sbin/start-stop-daemon", "#!/bin/sh\nexit 0\n", "init scripts call it directly"),
    ("usr/bin/update-menus", "#!/bin/sh\nexit 0\n", "it waits in the background until dpkg has ended"),
    ("usr/sbin/update-initramfs", "#!/bin/sh\nexit 0\n", "the initramfs is made by a stage of its own"),
    ("usr/sbin/mkinitramfs", "#!/bin/sh\nexit 0\n", "the initramfs is made by a stage of its own"),
];

/// The program that tells the time, and what stands in its place: a build has no other time than its own.
const DATE: &str = "usr/bin/date";

/// A script of a package that is not to run.
const SKIPPED: &[u8] = b"#!/bin/sh\nexit 0\n";

/// Where the driver script lies while it runs; below a directory that is emptied afterwards anyway.
pub(super) const DRIVER: &str = "var/lib/imgbuild-configure";

/// Only here do maintainer scripts on a first installation run.
const SCRIPTS: [&str; 3] = ["preinst", "config", "postinst"];

/// Configures packages in the sandbox: all, or those that `only` names, where the others are as far as the database says.
///
/// # Errors
/// The sandbox is not there, a script failed in it, or it left what no image may have.
pub(super) fn configure(
    host: &Host,
    tree: Tree,
    packages: &[Installed],
    only: Option<(&BTreeSet<String>, &Database)>,
    options: &Options,
) -> Result<Tree, Error> {
    let chosen: Vec<&Installed> =
        packages.iter().filter(|package| only.is_none_or(|(only, _)| only.contains(&package.name))).collect();
    let original = tree;
    let mut tree = original.clone();
    let mut database = only.map_or_else(|| status::read(&original), |(_, database)| Ok(database.clone()))?;
    chosen.iter().for_each(|package| database.set(package, State::NotInstalled));
    status::write(&mut tree, &database)?;
    let stubbed = put_stubs(&mut tree, options.epoch).map_err(Error::Tree)?;
    let skipped = put_skipped(&mut tree, &chosen, options).map_err(Error::Tree)?;
    let devices = take_devices(&mut tree);
    let sequence = in_sequence(&chosen).map_err(Error::Control)?;
    let withheld = Withheld::take(&mut tree, packages, &sequence.waiting(&chosen))
        .map_err(|source| Error::Withhold(Box::new(source)))?;
    let driver = Driver { packages, chosen: &chosen, sequence: &sequence, withheld: &withheld, database: &database };
    driver.put(&mut tree, only.is_none(), options)?;
    let mut result = run(host, &tree, options)?;
    result.remove_all(&TreePath::literal(DRIVER));
    put_back(&mut result, &original, &stubbed)?;
    put_back(&mut result, &original, &skipped)?;
    put_back(&mut result, &original, &devices)?;
    if only.is_some() {
        put_back(&mut result, &original, &[status::path()])?;
    }
    check(&result, &original, &devices)?;
    Ok(result)
}

/// The report of packages that were configured here.
pub(super) fn report(packages: &[Installed], options: &Options) -> Result<Vec<PackageReport>, Error> {
    let reasons = first_boot::reasons(packages, options)?;
    let one = |package: &Installed| {
        let scripts: Vec<&str> = SCRIPTS.into_iter().filter(|name| package.members.contains_key(*name)).collect();
        let (outcome, notes) = match options.packages.get(&package.name) {
            _ if scripts.is_empty() => (Outcome::NoScripts, Vec::new()),
            Some(Treatment::Skip) => (Outcome::Skipped, reasons.get(&package.name).cloned().into_iter().collect()),
            Some(Treatment::FirstBoot) => {
                (Outcome::FirstBoot, reasons.get(&package.name).cloned().into_iter().collect())
            }
            Some(Treatment::Sandbox) | None => (Outcome::Sandboxed, vec![scripts.join(", ")]),
        };
        PackageReport { package: package.info_name(), outcome, notes }
    };
    Ok(packages.iter().map(one).collect())
}

/// Puts the stubs in place of programs that are there; returns their paths.
fn put_stubs(tree: &mut Tree, epoch: i64) -> Result<Vec<TreePath>, crate::tree::Error> {
    let mut paths = Vec::new();
    if let Some((path, inode)) = tree.lookup(DATE).filter(|(_, inode)| inode.content().is_some()) {
        let real = inode.clone();
        tree.make_directories(DRIVER, 0o755)?;
        tree.put(format!("{DRIVER}/date"), real)?;
        replace(tree, &path, Inode::file(0o755, still_clock(epoch, &format!("/{DRIVER}/date"))))?;
        paths.push(path);
    }
    for (name, text, _) in STUBS {
        let path = tree.resolve(name, false)?;
        if tree.get(&path).is_some() {
            replace(tree, &path, Inode::file(0o755, text))?;
            paths.push(path);
        }
    }
    Ok(paths)
}

/// A file in another's place: its other names, if it is hard linked, stay what they are.
fn replace(tree: &mut Tree, path: &TreePath, inode: Inode) -> Result<(), crate::tree::Error> {
    tree.insert(path.clone(), inode).map(drop)
}

/// Replaces the scripts of packages that the recipe does not let run; returns their paths.
fn put_skipped(tree: &mut Tree, chosen: &[&Installed], options: &Options) -> Result<Vec<TreePath>, crate::tree::Error> {
    let mut paths = Vec::new();
    for package in chosen {
        let treatment = options.packages.get(&package.name);
        if !matches!(treatment, Some(Treatment::Skip | Treatment::FirstBoot)) {
            continue;
        }
        for script in SCRIPTS {
            let path = tree.resolve(format!("var/lib/dpkg/info/{}.{script}", package.info_name()), false)?;
            if tree.get(&path).is_some() {
                replace(tree, &path, Inode::file(0o755, SKIPPED))?;
                paths.push(path);
            }
        }
    }
    Ok(paths)
}

/// Devices cannot be made in a user namespace: they wait outside. Returns their paths.
fn take_devices(tree: &mut Tree) -> Vec<TreePath> {
    let is_device = |inode: &Inode| matches!(inode.kind, Kind::CharDevice { .. } | Kind::BlockDevice { .. });
    let paths: Vec<TreePath> =
        tree.iter().filter(|(.., inode)| is_device(inode)).map(|(path, ..)| path.clone()).collect();
    paths.iter().for_each(|path| tree.remove_all(path));
    paths
}

/// Puts what the original tree has at `paths` back where it was; what it does not have goes.
fn put_back(tree: &mut Tree, original: &Tree, paths: &[TreePath]) -> Result<(), Error> {
    for path in paths {
        tree.remove_all(path);
        let Some(id) = original.id(path) else { continue };
        // Another name of the same file that came back makes this one a hard link again.
        let twin = original
            .iter()
            .find(|(other, other_id, _)| *other_id == id && *other != path && tree.get(other).is_some())
            .map(|(other, ..)| other.clone());
        match twin.filter(|_| original.links(id) > 1) {
            Some(twin) => tree.link(&twin, path.clone()).map_err(Error::Tree)?,
            None => tree.insert(path.clone(), original.inode(id).clone()).map(drop).map_err(Error::Tree)?,
        }
    }
    Ok(())
}

/// Runs one preinst as dpkg does: from `tmp.ci`, with the package's control file beside it, by which debconf knows
/// whose questions these are, and with the package in the database as half installed. Arguments: name of the info files, and
/// the environment. And lays a package's files as dpkg does after it: directories that are there stay as they are, and so do
/// configuration files.
const PREINST: &str = r#"#!/bin/sh
set -e
run=/@DRIVER@/run
status=/var/lib/dpkg/status
preinst() {
    info=$1
    shift
    ci=/var/lib/dpkg/tmp.ci
    rm -rf "$ci"
    mkdir "$ci"
    for member in /var/lib/dpkg/info/"$info".*; do
        cp -p "$member" "$ci/${member##*.}"
    done
    cp "$run.$info.control" "$ci/control"
    cp "$status" "$run.status"
    cat "$run.$info.early" >> "$status"
    if ! env "$@" "$ci/preinst" install
    then
        echo "the preinst of $info failed" >&2
        exit 1
    fi
    cp "$run.status" "$status"
    rm -rf "$ci"
}
unpacked() {
    cat "$run.$1.unpacked" >> "$status"
}
lay() {
    from=$run.$1.files
    while IFS= read -r conffile; do
        if [ -e "/$conffile" ] || [ -h "/$conffile" ]; then
            rm -f "$from/$conffile"
        fi
    done < "$run.$1.conffiles"
    tar -C "$from" --numeric-owner --xattrs --xattrs-include='*' -cf "$run.tar" .
    rm -rf "$from"
    tar -C / --numeric-owner --xattrs --xattrs-include='*' --no-overwrite-dir --keep-directory-symlink -xpf "$run.tar"
    rm -f "$run.tar"
}
"#;

/// What the script that runs inside is made from.
pub(super) struct Driver<'a> {
    pub(super) packages: &'a [Installed],
    /// Those whose scripts run.
    pub(super) chosen: &'a [&'a Installed],
    pub(super) sequence: &'a Sequence,
    pub(super) withheld: &'a Withheld,
    pub(super) database: &'a Database,
}

impl Driver<'_> {
    /// Places the script, debconf's answers, and the files that it lays. Where the chosen are not `all`, what they depend on
    /// in a circle may wait: dpkg is told that it does not matter.
    pub(super) fn put(&self, tree: &mut Tree, all: bool, options: &Options) -> Result<(), Error> {
        let answers = debconf::selections(self.chosen, &options.debconf);
        // Answers in a system without debconf are answers that nobody asks for.
        let mut asks = !answers.is_empty() && tree.lookup("usr/bin/debconf-set-selections").is_some();
        let mut script = PREINST.replace("@DRIVER@", DRIVER);
        if asks {
            tree.write(format!("{DRIVER}/selections"), 0o600, answers).map_err(Error::Tree)?;
        }
        for acts in self.sequence.acts.chunk_by(|a, b| matches!(a, Act::Configure(_)) == matches!(b, Act::Configure(_)))
        {
            if let Act::Unpack(_) = acts[0] {
                self.put_unpacking(tree, acts, &mut script)?;
                continue;
            }
            if std::mem::take(&mut asks) {
                script.push_str(&format!("debconf-set-selections '/{DRIVER}/selections'\n"));
            }
            script.push_str("dpkg --configure --force-confold --force-confdef");
            script.push_str(if all { "" } else { " --force-depends" });
            for act in acts {
                let (Act::Unpack(position) | Act::Configure(position)) = *act;
                script.push_str(&format!(" '{}'", self.chosen[position].info_name()));
            }
            script.push('\n');
        }
        tree.write(format!("{DRIVER}/run"), 0o755, script).map(drop).map_err(Error::Tree)
    }

    /// Packages that come one after the other: of each its preinst, and then its files, if any wait for it.
    fn put_unpacking(&self, tree: &mut Tree, acts: &[Act], script: &mut String) -> Result<(), Error> {
        let mut unpacked = String::new();
        for (number, act) in acts.iter().enumerate() {
            let (Act::Unpack(position) | Act::Configure(position)) = *act;
            let package = self.chosen[position];
            let info = package.info_name();
            let put = |tree: &mut Tree, what: &str, text: Vec<u8>| {
                tree.write(format!("{DRIVER}/run.{info}.{what}"), 0o644, text).map(drop).map_err(Error::Tree)
            };
            if package.member("preinst").is_some() {
                let environment = of_dpkg(package, "preinst", self.packages);
                let environment = environment.map(|(name, value)| format!(" '{name}={value}'"));
                script.push_str(&format!("preinst '{info}'{}\n", environment.concat()));
                put(tree, "control", package.control.clone().into_bytes())?;
                put(tree, "early", self.database.stanza(package, State::HalfInstalled).into_bytes())?;
                let place = format!("{DRIVER}/run.{info}.files");
                let lay = |source| Error::Lay { package: info.clone(), source: Box::new(source) };
                if let Some(conffiles) = self.withheld.put_below(tree, &info, &place).map_err(lay)? {
                    put(
                        tree,
                        "conffiles",
                        conffiles.iter().flat_map(|path| [path.as_bytes(), b"\n"].concat()).collect(),
                    )?;
                    script.push_str(&format!("lay '{info}'\n"));
                }
            }
            unpacked += &self.database.stanza(package, State::Unpacked);
            // The database changes for who asks: the next preinst, or dpkg.
            let asks = |act: &Act| matches!(act, Act::Unpack(next) if self.chosen[*next].member("preinst").is_some());
            if acts.get(number + 1).is_none_or(asks) {
                put(tree, "unpacked", std::mem::take(&mut unpacked).into_bytes())?;
                script.push_str(&format!("unpacked '{info}'\n"));
            }
        }
        Ok(())
    }
}

/// Runs the driver in the sandbox.
fn run(host: &Host, tree: &Tree, options: &Options) -> Result<Tree, Error> {
    let environment = of_scripts(options.epoch).into_iter();
    let job = SandboxJob {
        command: vec![format!("/{DRIVER}/run")],
        environment: environment.map(|(name, value)| (name.to_owned(), value)).collect(),
        timeout: seconds(host.limits.scripts),
    };
    run_in(host, tree, &job, "dpkg").map_err(|error| match error {
        RunError::Failed { how, said } => Error::Scripts { how, said },
        RunError::Sandbox(error) => Error::Sandbox(error),
        RunError::ReadBack(error) => Error::ReadBack(error),
    })
}

/// What scripts leave is theirs to choose; an image has no device that no package brought.
fn check(result: &Tree, original: &Tree, devices: &[TreePath]) -> Result<(), Error> {
    for (path, _, inode) in result.iter() {
        let is_device = matches!(inode.kind, Kind::CharDevice { .. } | Kind::BlockDevice { .. });
        if is_device && !devices.contains(path) {
            return Err(Error::LeftBehind { path: path.clone(), what: "a device" });
        }
        let gains_power = matches!(inode.kind, Kind::File(_)) && inode.stat.mode & 0o6000 != 0;
        let had = original.get(path).is_some();
        if gains_power && !had {
            return Err(Error::LeftBehind { path: path.clone(), what: "a setuid or setgid program of no package" });
        }
    }
    Ok(())
}
