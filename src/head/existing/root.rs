//! What was done by hand in a root that nodes share: its fstab, interfaces and init scripts.

use super::Existing;

/// Reads a file of a shared root. `path` is the file's on the head, `name` its own in the root.
pub(super) fn read(head: &mut Existing, path: &str, name: &str, text: &str) {
    match name {
        "etc/fstab" => fstab(head, path, text),
        "etc/network/interfaces" => interfaces(head, path, text),
        "bin/whereami" => head.notes.push(format!("{path}: nodes have their names from DHCP before the first service")),
        "etc/hosts" => {}
        "etc/syslog-ng/syslog-ng.conf" => {
            head.notes.push(format!("{path}: imgbuild's nodes send their logs to the head by a file of their own"));
        }
        "etc/init.d/hostname.sh" => {
            if text.contains("whereami") {
                head.notes.push(format!("{path}: nodes have their names from DHCP before the first service"));
            }
        }
        _ => {
            if let Some(service) = name.strip_prefix("etc/init.d/") {
                init_script(head, path, service, text);
            }
        }
    }
}

/// fstab(5)
fn fstab(head: &mut Existing, path: &str, text: &str) {
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let place = || format!("{path}:{number}: {line}");
        match words.as_slice() {
            [] => {}
            [first, ..] if first.starts_with('#') => {}
            [_, point, "tmpfs", rest @ ..]
                if !["/var/run", "/run", "/var/lock", "/run/lock", "/dev/shm"].contains(point) =>
            {
                let options = rest.first().into_iter().flat_map(|options| options.split(','));
                let size = options.filter_map(|option| option.strip_prefix("size=")).next();
                head.tmpfs.insert((*point).to_owned(), size.map(str::to_owned));
            }
            [_, "/var/run" | "/run" | "/var/lock" | "/run/lock" | "/dev/shm", "tmpfs", ..] => {
                head.notes.push(format!("{}: systemd has it in memory by itself", place()));
            }
            [_, "/", ..] => head.notes.push(format!("{}: the root is mounted before fstab is read", place())),
            [_, _, "proc" | "sysfs" | "devpts", ..] => {}
            _ => head.unread.push(place()),
        }
    }
}

/// interfaces(5) of a node.
fn interfaces(head: &mut Existing, path: &str, text: &str) {
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] | ["iface", "lo", ..] => {}
            [first, ..] if first.starts_with('#') => {}
            ["auto" | "allow-hotplug", names @ ..] if names.iter().all(|name| *name == "lo") => {}
            ["iface", name, "inet", "dhcp"] if head.boot_interface.is_none() => {
                head.boot_interface = Some((*name).to_owned());
            }
            _ => head.unread.push(format!("{path}:{number}: {line}")),
        }
    }
}

/// `if [ $hostname != "dizzy" ]; then exit 0; fi` at the top of an init script.
fn init_script(head: &mut Existing, path: &str, service: &str, text: &str) {
    let Some(line) = text.lines().find(|line| line.contains("hostname") && line.contains("!=")) else { return };
    let words = line.split_once("!=").map(|(_, after)| after).unwrap_or_default();
    let name = words.split_whitespace().next().unwrap_or_default().trim_matches(['"', '\'', ';', ']']);
    if name.is_empty() || !text.contains("exit 0") {
        return;
    }
    head.notes.push(format!("{path}: runs on {name} alone"));
    head.services.push((service.to_owned(), name.to_owned()));
}
