//! Seconds, memory and sizes of a boot with our initramfs, and beside them those with the one that the root's own
//! mkinitramfs makes: the same root, machine and run. Prints the table of `doc/boot.md` and judges nothing.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::cluster::BOOT;
use crate::cluster::Booted;
use crate::cluster::boots;
use crate::switched_on;

/// What the console says when a node has come so far.
const STEPS: [(&str, &str); 3] = [
    ("kernel", "Linux version"),
    ("initramfs", "Run /init as init process"),
    // What stands behind the mount in initramfs-tools' script.
    ("NFS mounted", "/scripts/nfs-bottom"),
];

/// As an administrator would set it (initramfs.conf(5)).
const THEIRS: &str = "test -e $1/dev/null || mknod -m 0666 $1/dev/null c 1 3
cp -a $1/etc/initramfs-tools $1/tmp/conf
sed -i 's/^MODULES=.*/MODULES=netboot/; s/^COMPRESS=.*/COMPRESS=zstd/' $1/tmp/conf/initramfs.conf
echo BOOT=nfs >>$1/tmp/conf/initramfs.conf
chroot $1 mkinitramfs -d /tmp/conf -o /tmp/initrd.img $(ls $1/usr/lib/modules)
cp $1/tmp/initrd.img $2
";

#[expect(clippy::disallowed_methods, reason = "the other initramfs is made by another program")]
fn shell(script: &str, arguments: &[&Path]) {
    let status = Command::new("sh").args(["-euc", script, "figures"]).args(arguments).status().expect("a shell starts");
    assert!(status.success(), "{script}");
}

/// The seconds from power on to each step, and to multi-user, which the console does not show beside the prompt.
fn boot(booted: &mut Booted, node: &str) -> Vec<f64> {
    let began = Instant::now();
    booted.cluster.power_on(node).unwrap_or_else(|error| panic!("{error}"));
    let mut seconds = Vec::new();
    while let Some((name, words)) = STEPS.get(seconds.len()) {
        for (from, line) in booted.cluster.lines() {
            if from == node && line.contains(words) {
                seconds.push(began.elapsed().as_secs_f64());
                break;
            }
        }
        if began.elapsed() > BOOT {
            booted.fail(&format!("{node} does not come to: {name}"));
        }
        thread::sleep(Duration::from_millis(20));
    }
    booted.cluster.wait(node, BOOT).unwrap_or_else(|error| panic!("{error}"));
    booted.ask_long(node, "systemctl is-system-running --wait", BOOT);
    let since_kernel = booted.ask(node, "systemctl show -P ActiveEnterTimestampMonotonic multi-user.target");
    seconds.push(seconds[0] + since_kernel.parse::<f64>().expect("microseconds") / 1e6);
    seconds
}

/// The processor seconds that emulating a node took until now: what else the machine does changes them little.
fn processor(booted: &mut Booted, node: &str) -> f64 {
    let copy = format!("cat /proc/$(cat /run/{node}.id)/stat >/var/log/{node}.stat");
    booted.head(&copy);
    let text = fs::read_to_string(booted.cluster.logs().join(format!("{node}.stat"))).expect("it was written");
    // proc(5): utime and stime are the 14th and 15th field; the second one, in parentheses, may have spaces.
    let (_, rest) = text.rsplit_once(')').expect("a name in parentheses");
    let ticks = rest.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<f64>().expect("a number"));
    ticks.sum::<f64>() / 100.0
}

/// A line of the table.
fn row(booted: &mut Booted, node: &str, name: &str, image: &Path) -> String {
    let seconds: Vec<String> = boot(booted, node).iter().map(|seconds| format!("{seconds:.1}")).collect();
    let processor = processor(booted, node);
    let memory = booted.ask(node, "awk '/^MemTotal|^MemAvailable/ { print $2 }' /proc/meminfo");
    let [total, available] = memory.lines().map(|kib| kib.parse().unwrap_or(0)).collect::<Vec<u64>>()[..] else {
        panic!("{memory}");
    };
    booted.power_off(&[node]);
    let size = fs::metadata(image).expect("it was made").len();
    format!(
        "| {name} | {:.1} | {} | {processor:.0} | {} | {} |",
        size as f64 / 1e6,
        seconds.join(" | "),
        (total - available) / 1024,
        total / 1024
    )
}

#[test]
fn boots_beside_mkinitramfs() {
    if switched_on("IMGBUILD_TEST_FIGURES", "boots_beside_mkinitramfs") {
        // Without the program the other one would be compressed by gzip.
        boots("boots_beside_mkinitramfs", &[("\"kmod\",  ", "\"kmod\", \"zstd\",  ")], compared);
    }
}

#[expect(clippy::print_stderr, reason = "the figures are what this is for")]
fn compared(output: &Path, place: &Path) {
    let root = place.join("root");
    let (ours, theirs) = (output.join("boot/initrd.img"), output.join("theirs.img"));
    fs::create_dir(&root).expect("ours");
    shell("tar -C $1 -xpf $2/root.tar", &[&root, output]);
    shell(THEIRS, &[&root, &theirs]);
    fs::remove_dir_all(root).expect("ours");

    let mut booted = Booted::new(output, place.join("lab"), 1024);
    // In turn, and on one node: what comes first finds the head's caches cold.
    let mut rows = Vec::new();
    for (name, image, path) in
        [("imgbuild", "boot/initrd.img", &ours), ("mkinitramfs", "theirs.img", &theirs)].repeat(2)
    {
        let put = format!("for image in /srv/tftp/diskless-node/*/initrd.img; do cp /output/{image} $image; done");
        booted.head(&put);
        rows.push(row(&mut booted, "tumbler", name, path));
    }
    let steps = STEPS.map(|(name, _)| name).join(" | ");
    eprintln!("| initramfs | MB | {steps} | multi-user | processor | MiB used | of MiB |\n{}", "|---".repeat(9) + "|");
    rows.iter().for_each(|row| eprintln!("{row}"));
    booted.finish();
}
