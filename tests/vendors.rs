//! postinsts in bash as vendors write them, each made for this test after what such a package has to do: what they
//! leave in the tree, and that nothing of them is a gap.

use imgbuild::configure::machine;
use imgbuild::shell::Dialect;
use imgbuild::shell::Shell;
use imgbuild::tree::Tree;

fn tree() -> Tree {
    let mut tree = Tree::new();
    for directory in
        ["tmp", "var/lib", "var/log", "run", "usr/bin", "usr/sbin", "opt/vendor/bin", "etc/apt/trusted.gpg.d"]
    {
        tree.make_directories(directory, 0o755).expect("new");
    }
    let bash = "Package: bash\nStatus: install ok installed\nVersion: 5.2.37-2+b5\n";
    for (path, mode, text) in [
        ("etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/bash\n"),
        ("etc/group", 0o644, "root:x:0:\ndaemon:x:1:\n"),
        ("etc/shadow", 0o640, "root:*:1::::::\n"),
        ("etc/gshadow", 0o640, "root:*::\n"),
        ("etc/os-release", 0o644, "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n"),
        ("etc/agent/agent.conf.sample", 0o644, "[agent]\nhostname = \"\"\n"),
        ("opt/vendor/bin/tool", 0o755, "#!/bin/sh\n"),
        ("usr/share/vendor/keys.txt", 0o644, "one key\n# comment\ntwo key\n"),
        ("usr/lib/vendor/functions.sh", 0o644, "say() { echo \"${BASH_SOURCE[0]##*/}:${FUNCNAME[0]}: $*\"; }\n"),
        ("var/lib/dpkg/status", 0o644, bash),
    ] {
        tree.write(path, mode, text).expect("new");
    }
    tree
}

/// Follows a postinst that is configured for the first time; gives its output, and files with their text.
fn configure(script: &str, files: &[&str]) -> (String, Vec<String>) {
    let mut world = machine(tree(), "amd64", 1000);
    let environment =
        [("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("LC_ALL", "C.UTF-8"), ("DPKG_MAINTSCRIPT_PACKAGE", "vendor")];
    let mut shell = Shell::new(&mut world, "postinst", &environment).speak(Dialect::Bash);
    let arguments = [b"configure".to_vec(), Vec::new()];
    let outcome = shell.run_script(script.as_bytes(), &[], &arguments).expect("within the limits");
    let output = String::from_utf8_lossy(&outcome.output).into_owned();
    assert_eq!(world.gaps, [], "{script}\n{output}");
    assert_eq!(outcome.status, 0, "{script}\n{output}");
    let describe = |path: &&str| match world.tree().lookup(path) {
        Some((_, inode)) if inode.is_directory() => {
            format!("{path} {:o} {}:{}", inode.stat.mode, inode.stat.uid, inode.stat.gid)
        }
        Some((_, inode)) => {
            let text = inode.content().map(|content| content.to_vec().expect("it is in memory"));
            format!("{path} {:o} {}", inode.stat.mode, String::from_utf8_lossy(&text.unwrap_or_default()).trim_end())
        }
        None => format!("{path} is missing"),
    };
    (output, files.iter().map(describe).collect())
}

/// A metrics agent: functions with locals, `[[ ]]`, an array of directories.
#[test]
fn an_agent_that_makes_its_directories() {
    let script = r##"#!/bin/bash
BIN_DIR=/usr/bin
LOG_DIR=/var/log/agent
CONF_DIR=/etc/agent

function make_directories {
    local -r owner="$1"; shift
    local dir
    for dir in "$@"; do
        if [[ ! -d "$dir" ]]; then
            mkdir -p "$dir"
        fi
        chmod 755 "$dir"
        chown "$owner" "$dir"
    done
}

if [[ "$(readlink /proc/1/exe)" == */systemd ]]; then
    echo "systemd is process 1"
fi
dirs=("$LOG_DIR" "$CONF_DIR"/agent.d)
make_directories root:root "${dirs[@]}"
if [[ -f $CONF_DIR/agent.conf.sample && ! -f $CONF_DIR/agent.conf ]]; then
    cp "$CONF_DIR"/agent.conf{.sample,}
fi
echo "made ${#dirs[@]}"
"##;
    let (output, files) = configure(script, &["var/log/agent", "etc/agent/agent.d", "etc/agent/agent.conf"]);
    assert_eq!(output, "made 2\n");
    let wanted =
        ["var/log/agent 755 0:0", "etc/agent/agent.d 755 0:0", "etc/agent/agent.conf 644 [agent]\nhostname = \"\""];
    assert_eq!(files, wanted);
}

/// A dashboard: a sourced file of defaults, `getent`, a user of its own, `set -e` and a `case` that falls through.
#[test]
fn a_dashboard_with_a_user_of_its_own() {
    let script = r##"#!/usr/bin/env bash
set -e
mkdir -p /etc/default
[ -f /etc/default/dash ] || cat > /etc/default/dash <<EOF
DASH_USER=dash
DASH_GROUP=dash
DATA_DIR=/var/lib/dash
EOF
source /etc/default/dash
case "$1" in
configure)
    [[ -z "$DASH_USER" ]] && DASH_USER="fallback"
    if ! getent group "$DASH_GROUP" > /dev/null 2>&1 ; then
        groupadd -r "$DASH_GROUP"
    fi
    if ! getent passwd "$DASH_USER" > /dev/null 2>&1 ; then
        useradd -r -g "$DASH_GROUP" -d "$DATA_DIR" -s /bin/false -c "dashboard" "$DASH_USER"
    fi
    mkdir -p "$DATA_DIR"/{plugins,png}
    chmod 0750 "$DATA_DIR"
    ;;&
configure|reconfigure) echo "${1^} done" ;;
*) echo unknown ;;
esac
"##;
    let (output, files) = configure(script, &["var/lib/dash", "var/lib/dash/plugins", "etc/default/dash"]);
    assert_eq!(output, "Configure done\n");
    assert_eq!(files[0], "var/lib/dash 750 0:0");
    assert_eq!(files[1], "var/lib/dash/plugins 755 0:0");
    assert!(files[2].contains("DASH_USER=dash"));
}

/// An editor: a key and a source list written by here-documents, `apt-config` asked if it is there.
#[test]
fn an_editor_that_adds_its_archive() {
    let script = r##"#!/usr/bin/env bash
rm -f /usr/bin/code
ln -s /opt/vendor/bin/tool /usr/bin/code
eval $(command -v apt-config > /dev/null && apt-config shell APT_SOURCE_PARTS Dir::Etc::sourceparts/d)
SOURCE_PARTS=${APT_SOURCE_PARTS:-/etc/apt/sources.list.d/}
FILE="${SOURCE_PARTS%/}/vendor.list"
mkdir -p "$SOURCE_PARTS"
declare -i write=0
if [[ ! -f $FILE ]]; then
    write=1
elif grep -q '^# disabled on upgrade' "$FILE"; then
    write=1
fi
if (( write )); then
    ARCH=amd64
    echo "# made by the package
deb [arch=${ARCH},arm64] https://packages.example.org/repos stable main" > "$FILE"
fi
[[ -L /usr/bin/code ]] && readlink /usr/bin/code
"##;
    let (output, files) = configure(script, &["etc/apt/sources.list.d/vendor.list"]);
    assert_eq!(output, "/opt/vendor/bin/tool\n");
    let wanted = "etc/apt/sources.list.d/vendor.list 644 # made by the package\n\
                  deb [arch=amd64,arm64] https://packages.example.org/repos stable main";
    assert_eq!(files, [wanted]);
}

/// A container runtime: strict options, a trap for errors that is never needed, a version compared by a regular
/// expression.
#[test]
fn a_runtime_with_strict_options() {
    let script = r##"#!/bin/bash
set -eEuo pipefail
trap 'echo "failed at line $LINENO" >&2; exit 1' ERR
. /etc/os-release
if [[ "$VERSION_ID" =~ ^([0-9]+)(\.([0-9]+))?$ ]]; then
    major=${BASH_REMATCH[1]}
    minor=${BASH_REMATCH[3]:-0}
fi
declare -A driver=([bookworm]=overlay2 [bullseye]=aufs)
mkdir -p /etc/runtime
printf '{\n  "storage-driver": "%s"\n}\n' "${driver[$VERSION_CODENAME]}" > /etc/runtime/daemon.json
if ! getent group runtime > /dev/null; then groupadd --system runtime; fi
grep -c '^runtime:' /etc/group || true
(( major >= 10 )) && echo "debian $major.$minor"
cat /etc/group | grep -q nothing || echo "pipefail is fine"
"##;
    let (output, files) = configure(script, &["etc/runtime/daemon.json"]);
    assert_eq!(output, "1\ndebian 12.0\npipefail is fine\n");
    assert_eq!(files, ["etc/runtime/daemon.json 644 {\n  \"storage-driver\": \"overlay2\"\n}"]);
}

/// A batch system: a loop over numbers, padded names, permissions from an associative array.
#[test]
fn a_batch_system_with_spool_directories() {
    let script = r##"#!/bin/bash -e
declare -A modes
modes[spool]=0755 modes[state]=0700
modes[log]=0750
for name in spool state log; do
    install -d -m "${modes[$name]}" "/var/lib/batch/$name"
done
for ((i = 0; i < 3; i++)); do
    printf -v host 'node%03d' "$i"
    hosts+=("$host")
done
list=$(IFS=,; echo "${hosts[*]}")
mkdir -p /etc/batch
cat <<CONF > /etc/batch/batch.conf
NodeName=${list} State=UNKNOWN
PartitionName=all Nodes=${hosts[0]}..${hosts[-1]} Default=YES
CONF
sed -i -e "s/UNKNOWN/IDLE/" /etc/batch/batch.conf
"##;
    let (_, files) = configure(script, &["var/lib/batch/state", "var/lib/batch/log", "etc/batch/batch.conf"]);
    assert_eq!(files[0], "var/lib/batch/state 700 0:0");
    assert_eq!(files[1], "var/lib/batch/log 750 0:0");
    let wanted = "etc/batch/batch.conf 644 NodeName=node000,node001,node002 State=IDLE\n\
                  PartitionName=all Nodes=node000..node002 Default=YES";
    assert_eq!(files[2], wanted);
}

/// A graphics driver: a module's options, alternatives by hand, `shopt -s nullglob`, text made by `${//}`.
#[test]
fn a_driver_that_writes_module_options() {
    let script = r##"#!/bin/bash
set -e
readonly VERSION="535.104.05"
readonly MAJOR=${VERSION%%.*}
shopt -s nullglob
found=(/usr/lib/x86_64-linux-gnu/libdriver.so.*)
if [ ${#found[@]} -eq 0 ]; then
    mkdir -p /usr/lib/driver-${MAJOR}
    touch /usr/lib/driver-${MAJOR}/lib{a,b}.so.${VERSION//./-}
fi
mkdir -p /etc/modprobe.d
options=(NVreg_DeviceFileUID=0 NVreg_DeviceFileMode=0660)
{
    echo "# made by ${0##*/}"
    echo "options driver ${options[@]}"
    echo -e "blacklist\tother"
} > /etc/modprobe.d/driver.conf
for f in /usr/lib/driver-${MAJOR}/*.so.*; do
    base=${f##*/}
    ln -sf "$f" "/usr/lib/${base%%.so*}.so"
done
ls /usr/lib/*.so
"##;
    let (output, files) = configure(script, &["etc/modprobe.d/driver.conf", "usr/lib/driver-535/liba.so.535-104-05"]);
    assert_eq!(output, "/usr/lib/liba.so\n/usr/lib/libb.so\n");
    let wanted = "etc/modprobe.d/driver.conf 644 # made by postinst\n\
                  options driver NVreg_DeviceFileUID=0 NVreg_DeviceFileMode=0660\nblacklist\tother";
    assert_eq!(files, [wanted, "usr/lib/driver-535/liba.so.535-104-05 644 "]);
}

/// A message broker: a file read line by line, `read -a`, a counter, process substitution, a library that is sourced.
#[test]
fn a_broker_that_reads_its_keys() {
    let script = r##"#!/bin/bash
source /usr/lib/vendor/functions.sh
count=0
while IFS=' ' read -r -a fields; do
    [[ ${fields[0]} == \#* ]] && continue
    keys[count++]=${fields[0]}
done < <(cat /usr/share/vendor/keys.txt)
say "${keys[@]}" "$count"
mapfile -t lines < /usr/share/vendor/keys.txt
echo "${#lines[@]} ${lines[1]:2}"
mkdir -p /var/lib/broker && cd "$_"
umask 077
openssl_like=$'-----BEGIN-----\n\x41\x42\n-----END-----'
echo "$openssl_like" > key.pem
"##;
    let (output, files) = configure(script, &["var/lib/broker/key.pem"]);
    assert_eq!(output, "functions.sh:say: one two 2\n3 comment\n");
    assert_eq!(files, ["var/lib/broker/key.pem 600 -----BEGIN-----\nAB\n-----END-----"]);
}

/// A licence server: `EUID`, `BASH_VERSION`, arguments shifted too far, output to both streams.
#[test]
fn a_server_that_checks_where_it_runs() {
    let script = r##"#!/bin/bash
if [ "$EUID" -ne 0 ] || [ "$UID" -ne 0 ]; then
    echo "run me as root" >&2
    exit 1
fi
if [[ ${BASH_VERSINFO[0]} -lt 4 || $BASH_VERSION != 5.* ]]; then
    echo "bash is too old: $BASH_VERSION"
    exit 1
fi
exec &> /var/log/server-install.log
shift 5 || echo "nothing to shift"
action=$1
: ${action:=configure}
echo "action ${action^^}"
pushd /opt/vendor > /dev/null
for tool in bin/*; do echo "$PWD/$tool"; done
popd > /dev/null
echo "back in $PWD"
"##;
    let (_, files) = configure(script, &["var/log/server-install.log"]);
    let wanted = "var/log/server-install.log 644 nothing to shift\naction CONFIGURE\n/opt/vendor/bin/tool\nback in /";
    assert_eq!(files, [wanted]);
}

/// A monitoring agent: options by a table of functions, `local -n` left out, `printf %q` left out, indirection.
#[test]
fn an_agent_that_dispatches() {
    let script = r##"#!/bin/bash
set -u
do_configure() { local mode=${1:-plain}; settings_plain=(a b); settings_tls=(c d e); local ref="settings_$mode[@]"; echo "${!ref}"; }
do_abort() { return 1; }
cmd="do_$1"
if [[ $(type -t "$cmd") == function ]]; then
    "$cmd" tls
    "$cmd"
fi
for v in ${!settings_*}; do echo "$v"; done
version() { echo "1.10.2"; }
IFS=. read -r major minor patch <<< "$(version)"
if (( major > 1 || (major == 1 && minor >= 9) )); then echo "new: $major-$minor-$patch"; fi
"##;
    let (output, _) = configure(script, &[]);
    assert_eq!(output, "c d e\na b\nsettings_plain\nsettings_tls\nnew: 1-10-2\n");
}

/// A backup client: `trap … EXIT` with a temporary directory, `select`ed defaults, `until`, `let`.
#[test]
fn a_client_that_cleans_up() {
    let script = r##"#!/bin/bash
set -eo pipefail
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"; echo cleaned' EXIT
let tries=0 || true
until [[ -e $WORK/ready ]]; do
    let "tries += 1"
    (( tries == 3 )) && touch "$WORK/ready"
    true
done
echo "after $tries"
cat > "$WORK/unit" <<-'UNIT'
	[Unit]
	Description=Backup $client
UNIT
install -D -m 644 "$WORK/unit" /etc/systemd/system/backup.service
"##;
    let (output, files) = configure(script, &["etc/systemd/system/backup.service", "tmp"]);
    assert_eq!(output, "after 3\ncleaned\n");
    assert_eq!(files[0], "etc/systemd/system/backup.service 644 [Unit]\nDescription=Backup $client");
}

/// A toolkit: nested functions, `case` on `[^…]`, string comparison, and letters beyond ASCII.
#[test]
fn a_toolkit_with_letters() {
    let script = r##"#!/bin/bash
name="Größe"
echo "${#name} ${name:2:2} ${name/ö/oe}"
case "$name" in [^A-F]*) echo other ;; esac
[[ "10" < "9" ]] && echo "as text"
(( 10 > 9 )) && echo "as number"
paths=/usr/bin:/opt/vendor/bin:/sbin
IFS=: read -ra parts <<< "$paths"
for p in "${parts[@]}"; do [[ -d $p ]] || continue; echo "$p"; done
echo "${paths//:/ }"
"##;
    let (output, _) = configure(script, &[]);
    assert_eq!(
        output,
        "5 öß Groeße\nother\nas text\nas number\n/usr/bin\n/opt/vendor/bin\n/usr/bin /opt/vendor/bin /sbin\n"
    );
}
