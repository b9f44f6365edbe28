//! What a build costs as its packages grow: roots of 100 to 2,200 packages, each from an empty cache.
//!
//! `IMGBUILD_TEST_MIRROR=1 cargo bench --bench curve`, with the package `time`. The packages are those of the mirror of the
//! machine's own apt; each set has all of the one before. `IMGBUILD_BENCH_PACKAGES` (2200) is the largest size,
//! `IMGBUILD_BENCH_RUNS` (1) how often each is built, of which the median counts. `IMGBUILD_TEST_WRITE=1` writes the table
//! into `doc/speed.md`, and `doc/curve.svg`. The largest wants 12 GB of disk.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]
#![expect(clippy::disallowed_methods, reason = "a bench runs programs in directories of its own")]

mod measure;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use imgbuild::host::Stage;
use imgbuild::recipe::Lock;
use measure::Cost;
use measure::median;
use measure::run;
use measure::words;

/// About how many packages there are with these ones, those before, and all that they need.
const SETS: [(usize, &str); 8] = [
    (100, "sudo cron rsyslog logrotate chrony"),
    (
        200,
        "systemd-resolved network-manager ifupdown netplan.io nftables ufw fail2ban firewalld apache2 \
         libapache2-mod-php",
    ),
    (
        400,
        "php-fpm php-mysql nginx haproxy lighttpd varnish caddy postgresql redis-server memcached sqlite3 \
         mosquitto etcd-server dovecot-imapd exim4 clamav-daemon opendkim rspamd unbound dnsmasq \
         isc-dhcp-server kea nfs-kernel-server nfs-common samba winbind cifs-utils vsftpd autofs \
         targetcli-fb lvm2 mdadm cryptsetup btrfs-progs xfsprogs multipath-tools containerd podman lxc",
    ),
    (
        800,
        "libvirt-daemon-system qemu-system-x86 virt-manager qemu-guest-agent openvpn wireguard-tools \
         strongswan tinc keepalived corosync pacemaker heartbeat slurm-wlm openmpi-bin rdma-core \
         prometheus prometheus-node-exporter snmpd collectd munin nagios4 monitoring-plugins zabbix-agent \
         icinga2 sssd ldap-utils krb5-user freeradius libpam-ldapd nslcd nscd tftpd-hpa",
    ),
    (
        1100,
        "initramfs-tools plymouth selinux-basics policycoreutils unattended-upgrades needrestart debsums \
         ansible puppet-agent git subversion mercurial vim nano tmux screen zsh fish bash-completion htop \
         iotop tcpdump nmap wireshark strace gdb build-essential cmake",
    ),
    (1500, "python3-pip python3-venv default-jre-headless default-jdk-headless tomcat10 ruby-full nodejs npm"),
    (
        1900,
        "golang rustc php-cli texlive-latex-base texlive-latex-extra graphviz imagemagick ffmpeg \
         ghostscript tigervnc-standalone-server xserver-xorg lightdm gdm3 sddm xfce4 firefox-esr chromium \
         libreoffice-writer fonts-dejavu fonts-noto locales locales-all keyboard-configuration tzdata \
         ca-certificates certbot man-db 81voltd accountsservice acct acpi-fakekey",
    ),
    (
        2200,
        "acpi-support acpid adjtimex aide-common amavisd-milter amavisd-new anacron aodh-api \
         aodh-evaluator aodh-expirer aodh-listener aodh-notifier aoetools apcupsd approx apt-listbugs \
         apticron-systemd aptitude-robot arpwatch asahi-scripts at autolog autopostgresqlbackup awffull \
         bacula-director bacula-fd bacula-sd battery-stats binkd biometric-auth blazar-api blazar-manager",
    ),
];

/// Those that take time.
const STAGES: [Stage; 6] = [Stage::Index, Stage::Solve, Stage::Download, Stage::Unpack, Stage::Configure, Stage::Write];

/// One build.
#[derive(Debug)]
struct Run {
    cost: Cost,
    /// The CPU of the bare limit, beside it.
    limit: f64,
    /// Seconds of each of [`STAGES`].
    stages: [f64; STAGES.len()],
}

/// Builds these packages; how many they became, and what it took.
fn build(wishes: &[&str]) -> (usize, Run) {
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let path = |name: &str| place.path().join(name);
    let wishes = wishes.join("\", \"");
    // What scripts do that cannot be followed is left for the first boot, so that one package does not end all.
    let recipe = format!(
        "name = \"curve\"\npackages = [\"{wishes}\"]\n[debian]\nsuite = \"trixie\"\narchitecture = \"amd64\"\n[install]\n\
         base = \"required\"\nrecommends = false\n[configure]\notherwise = \"first-boot\"\n"
    );
    fs::write(path("recipe.toml"), recipe).expect("ours");
    let (recipe, out, cache) = (path("recipe.toml"), path("out"), path("cache"));
    let args = [recipe.as_os_str(), "-o".as_ref(), out.as_os_str(), "--cache".as_ref(), cache.as_os_str()];
    let args = [words(&args), words(&["--events", "json"])].concat();
    let cost = run(measure::program(), &args, place.path());
    let stages = stages(&fs::read_to_string(path("log")).expect("it told of itself"));
    let lock_path = path("out/curve.lock");
    let lock = Lock::read(&lock_path).expect("our own lock").expect("it was written");
    fs::create_dir(path("limit")).expect("ours");
    let limit = measure::bare_limit(&cache, &lock_path, &path("out/root.tar"), &path("limit"), false).cpu;
    (lock.packages.len(), Run { cost, limit, stages })
}

/// The seconds of each stage from the lines of `--events json`.
fn stages(log: &str) -> [f64; STAGES.len()] {
    let mut began = BTreeMap::new();
    let mut seconds = [0.0; STAGES.len()];
    for line in log.lines() {
        let Ok(line) = serde_json::from_str::<serde_json::Value>(line) else { continue };
        let (event, at) = (line["event"].as_str().unwrap_or_default(), line["seconds"].as_f64().expect("each has it"));
        let Some(stage) = STAGES.iter().position(|stage| line["stage"] == stage.name()) else { continue };
        match event {
            "stage-started" => drop(began.insert(stage, at)),
            "stage-finished" => seconds[stage] += at - began.remove(&stage).expect("it began"),
            _ => {}
        }
    }
    seconds
}

/// The middle run's numbers, one by one.
struct Point {
    packages: usize,
    wall: f64,
    cpu: f64,
    limit: f64,
    times: f64,
    peak: f64,
    written: f64,
    stages: [f64; STAGES.len()],
}

impl Point {
    fn new(packages: usize, runs: &[Run]) -> Self {
        let of = |part: &dyn Fn(&Run) -> f64| median(runs.iter().map(part).collect());
        Self {
            packages,
            wall: of(&|run| run.cost.wall),
            cpu: of(&|run| run.cost.cpu),
            limit: of(&|run| run.limit),
            times: of(&|run| run.cost.cpu / run.limit),
            peak: of(&|run| run.cost.peak_mib),
            written: of(&|run| run.cost.written_mib),
            stages: std::array::from_fn(|stage| of(&|run| run.stages[stage])),
        }
    }
}

fn table(points: &[Point]) -> String {
    let names: Vec<&str> = STAGES.iter().map(|stage| stage.name()).collect();
    let mut text = format!(
        "| packages | wall s | CPU s | CPU ÷ limit | peak MiB | written MiB | {} |\n|{}\n",
        names.join(" | "),
        "---|".repeat(6 + names.len())
    );
    for point in points {
        let Point { packages, wall, cpu, times, peak, written, stages, .. } = point;
        let stages: Vec<String> = stages.iter().map(|seconds| format!("{seconds:.1}")).collect();
        writeln!(
            text,
            "| {packages} | {wall:.1} | {cpu:.1} | {times:.2} | {peak:.0} | {written:.0} | {} |",
            stages.join(" | ")
        )
        .expect("a text");
    }
    text
}

/// A line of the plot: its name, its colour, its value at a point.
type Line = (&'static str, &'static str, fn(&Point) -> f64);

/// Seconds over packages, and MiB over packages, one beside the other.
fn plot(points: &[Point]) -> String {
    let mut svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 800 360\" font-family=\"sans-serif\" \
                   font-size=\"12\">\n<rect width=\"800\" height=\"360\" fill=\"white\"/>\n"
        .to_owned();
    let seconds: [Line; 3] = [
        ("wall", "#888888", |point| point.wall),
        ("CPU", "#1f77b4", |point| point.cpu),
        ("CPU of the bare limit", "#2ca02c", |point| point.limit),
    ];
    panel(&mut svg, points, 60.0, "seconds", &seconds);
    panel(&mut svg, points, 460.0, "MiB", &[("peak", "#d62728", |point| point.peak)]);
    svg + "</svg>\n"
}

fn panel(svg: &mut String, points: &[Point], left: f64, unit: &str, lines: &[Line]) {
    const WIDTH: f64 = 300.0;
    const STEPS: usize = 5;
    let mut line = |text: String| writeln!(svg, "{text}").expect("writing to a String succeeds");
    let most = |values: &mut dyn Iterator<Item = f64>| values.fold(1.0, f64::max);
    let step_x = round_step(most(&mut points.iter().map(|point| point.packages as f64)) / STEPS as f64);
    let values = &mut points.iter().flat_map(|point| lines.iter().map(move |(_, _, of)| of(point)));
    let step_y = round_step(most(values) / STEPS as f64);
    let x = |packages: f64| left + packages / (step_x * STEPS as f64) * WIDTH;
    let y = |value: f64| 320.0 - value / (step_y * STEPS as f64) * 280.0;
    for step in (0..=STEPS).map(|step| step as f64) {
        let (at, value) = (x(step * step_x), step * step_x);
        line(format!(
            "<path d=\"M{at:.0} 40V320\" stroke=\"#ddd\"/><text x=\"{at:.0}\" y=\"338\" text-anchor=\"middle\">{value}</text>"
        ));
        let (at, value) = (y(step * step_y), step * step_y);
        line(format!(
            "<path d=\"M{left} {at:.0}h{WIDTH}\" stroke=\"#ddd\"/><text x=\"{}\" y=\"{:.0}\" text-anchor=\"end\">{value}</text>",
            left - 8.0,
            at + 4.0
        ));
    }
    let middle = left + WIDTH / 2.0;
    line(format!("<text x=\"{middle}\" y=\"356\" text-anchor=\"middle\">{unit} over packages</text>"));
    for (number, (name, colour, of)) in lines.iter().enumerate() {
        let at: Vec<String> =
            points.iter().map(|point| format!("{:.1},{:.1}", x(point.packages as f64), y(of(point)))).collect();
        line(format!("<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>", at.join(" ")));
        let at = left + 60.0 * number as f64;
        line(format!(
            "<path d=\"M{at} 20h20\" stroke=\"{colour}\" stroke-width=\"2\"/><text x=\"{}\" y=\"24\">{name}</text>",
            at + 24.0
        ));
    }
}

/// The next of 1, 2 and 5 times a power of ten.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|digit| digit * power).find(|step| *step >= least).unwrap_or(10.0 * power)
}

fn main() {
    if measure::is_bare_limit() {
        return;
    }
    if !measure::switched_on(&["IMGBUILD_TEST_MIRROR"]) {
        return;
    }
    let (most, runs) = (measure::number("IMGBUILD_BENCH_PACKAGES", 2200), measure::number("IMGBUILD_BENCH_RUNS", 1));
    let (mut wishes, mut points): (Vec<&str>, Vec<Point>) = (Vec::new(), Vec::new());
    for (about, more) in SETS.into_iter().filter(|(about, _)| *about <= most) {
        wishes.extend(more.split(' '));
        let built: Vec<(usize, Run)> = (0..runs).map(|_| build(&wishes)).collect();
        let packages = built[0].0;
        let runs: Vec<Run> = built.into_iter().map(|(_, run)| run).collect();
        println!("about {about}: {packages} packages, {:.1} s", runs[0].cost.wall);
        points.push(Point::new(packages, &runs));
    }
    let plotted = "![seconds and MiB over packages](curve.svg)";
    measure::publish("curve", &format!("{}\n{}\n\n{plotted}\n", table(&points), measure::occasion(runs)));
    if measure::writes() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("doc/curve.svg");
        fs::write(path, plot(&points)).expect("the document can be written");
    }
}
