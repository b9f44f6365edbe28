//! An existing head as the tables of a recipe.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use serde_json::json;

use crate::head::Existing;
use crate::head::Machine;

/// Words of a kernel's command line that say where the root is, and that imgbuild writes itself.
const OWN: [&str; 12] = [
    "root",
    "nfsroot",
    "ip",
    "BOOTIF",
    "boot",
    "panic",
    "net.ifnames",
    "imgbuild.root",
    "imgbuild.opts",
    "imgbuild.sha256",
    "rw",
    "ro",
];

impl Existing {
    /// `[diskless]`, `[head]` and each `[[node]]`, as text for a recipe. What is not taken over stands above them in
    /// comments.
    ///
    /// # Errors
    /// Something is missing that a head must have: what, in words.
    pub fn to_recipe(&self) -> Result<String, String> {
        let mut text = String::new();
        let mut line = |line: &str| writeln!(text, "{line}").expect("writing to a String succeeds");
        for unread in &self.unread {
            line(&format!("# Not taken over from {}", unread.escape_debug()));
        }
        for (export, writes) in &self.exports {
            let how = if *writes { "read-write" } else { "read-only" };
            line(&format!("# The head exports {} {how}: its line stays as it is.", export.escape_debug()));
        }
        let common = further(&self.arguments);
        line(&format!("\n[diskless]\nroot = {}", json!(mode(&self.arguments))));
        line("interface = \"eth0\"                      # the one that nodes boot from");
        if let Some(domain) = &self.domain {
            line(&format!("domain = {}", json!(domain)));
        }
        if !common.is_empty() {
            line(&format!("kernel-arguments = {}", list(&common)));
        }
        self.head(&mut line)?;
        for machine in &self.machines {
            self.node(machine, &common, &mut line)?;
        }
        Ok(text)
    }

    fn head(&self, line: &mut dyn FnMut(&str)) -> Result<(), String> {
        let lacks = |what: &str| format!("{what}: complete the head's files, or begin with a recipe of your own");
        let address = self.address.ok_or_else(|| lacks("no `dhcp-boot` of dnsmasq's names the head's address"))?;
        let (name, aliases) = self.names.split_first().ok_or_else(|| lacks("no file names the head"))?;
        let interface = self.interface.as_ref().ok_or_else(|| lacks("no `interface` of dnsmasq's"))?;
        let (from, to) = self.range.ok_or_else(|| lacks("no `dhcp-range` of dnsmasq's has two addresses"))?;
        // dnsmasq takes the netmask of its interface, which is not in its files.
        let (prefix, guessed) = self.prefix.map_or((24, "    # guessed"), |prefix| (prefix, ""));
        let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
        let base = Ipv4Addr::from_bits(address.to_bits() & mask);
        line(&format!("\n[head]\nname = {}", json!(name)));
        if !aliases.is_empty() {
            line(&format!("aliases = {}", list(aliases)));
        }
        line(&format!("address = \"{address}\"\ninterface = {}", json!(interface)));
        line(&format!("network = \"{base}/{prefix}\"{guessed}\nrange = [\"{from}\", \"{to}\"]"));
        if let Some(lease) = &self.lease {
            line(&format!("lease = {}", json!(lease)));
        }
        if let Some(tftp) = &self.tftp {
            line(&format!("tftp = {}", json!(tftp)));
        }
        if self.has_tftpd {
            line("tftp-server = \"tftpd-hpa\"");
        }
        Ok(())
    }

    fn node(&self, machine: &Machine, common: &[String], line: &mut dyn FnMut(&str)) -> Result<(), String> {
        let mac = &machine.mac;
        let (name, aliases) = machine.names.split_first().ok_or_else(|| format!("no file names the node {mac}"))?;
        let address = machine.address.ok_or_else(|| format!("no file has an address for `{name}` ({mac})"))?;
        line(&format!("\n[[node]]\nname = {}", json!(name)));
        if !aliases.is_empty() {
            line(&format!("aliases = {}", list(aliases)));
        }
        line(&format!("mac = \"{mac}\"\naddress = \"{address}\""));
        let own = mode(&machine.arguments);
        if own != mode(&self.arguments) {
            line(&format!("root = {}", json!(own)));
        }
        let further: Vec<String> =
            further(&machine.arguments).into_iter().filter(|argument| !common.contains(argument)).collect();
        if !further.is_empty() {
            line(&format!("kernel-arguments = {}", list(&further)));
        }
        Ok(())
    }
}

/// A list as TOML has it; its strings are those of JSON.
fn list(words: &[String]) -> String {
    format!("[{}]", words.iter().map(|word| json!(word).to_string()).collect::<Vec<_>>().join(", "))
}

/// How a root is mounted by a command line.
fn mode(arguments: &[String]) -> &'static str {
    let root = arguments.iter().find_map(|argument| argument.strip_prefix("imgbuild.root="));
    match root {
        Some(root) if root.starts_with("ram:") => "ram",
        Some(_) => "overlay",
        None => "nfs",
    }
}

/// What else a command line says.
fn further(arguments: &[String]) -> Vec<String> {
    let own = |argument: &String| OWN.contains(&argument.split('=').next().unwrap_or(argument));
    arguments.iter().filter(|argument| !own(argument)).cloned().collect()
}
