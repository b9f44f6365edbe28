//! What can be typed.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::CommandFactory as _;
use clap::Parser;
use clap::Subcommand;
use clap::ValueEnum;
use clap::error::ContextKind;
use clap::error::ContextValue;

use crate::configure::Method;
use crate::digest::Sha256;
use crate::recipe;
use crate::recipe::grammar;

/// One recipe, one command: from signed Debian packages to a booting diskless cluster
#[derive(Debug, Parser)]
#[command(
    name = "imgbuild",
    version,
    override_usage = "imgbuild RECIPE… [OPTIONS]\n       imgbuild COMMAND [OPTIONS]",
    after_help = "Exit codes: 0 done, 1 the request failed, 2 usage or recipe, 3 integrity, 4 a bug of imgbuild, \
                  130 and 143 interrupted."
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

impl Arguments {
    /// Reads the words of a command line, the program's name first. A recipe alone is built.
    pub(super) fn read(words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut words: Vec<OsString> = words.into_iter().collect();
        if words.get(1).is_some_and(|word| !is_command(word)) {
            words.insert(1, "build".into());
        }
        Self::try_parse_from(&words).map_err(|error| with_nearest(error, &words))
    }
}

/// The error of a word that is no command, with the one that it is spelled most like.
fn with_nearest(mut error: clap::Error, words: &[OsString]) -> clap::Error {
    let Some(ContextValue::String(wrong)) = error.get(ContextKind::InvalidSubcommand).cloned() else { return error };
    let program = Arguments::command();
    let before = words.iter().skip(1).filter_map(|word| word.to_str()).take_while(|word| *word != wrong);
    let of = before.fold(&program, |command, word| command.find_subcommand(word).unwrap_or(command));
    let names = of.get_subcommands().map(clap::Command::get_name);
    if let Some(meant) = recipe::nearest(&wrong, names) {
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(vec![meant.to_owned()]));
    }
    error
}

/// Whether a first word is for the parser of commands: one of them, almost one, or an option of the program's own.
fn is_command(word: &OsStr) -> bool {
    let Some(word) = word.to_str() else { return false };
    let near = |name: &str| strsim::damerau_levenshtein(word, name) <= 1 && !Path::new(word).exists();
    ["-h", "--help", "-V", "--version", "help"].contains(&word)
        || Arguments::command().get_subcommands().map(clap::Command::get_name).any(|name| word == name || near(name))
}

/// A command.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Build recipes (the default)
    Build(Build),
    /// Choose a recipe's packages and write its lock
    Lock(Lock),
    /// Show what would be built: packages, sizes, and why
    Show(Show),
    /// Add packages to a recipe, and to its lock what they need
    Add(Edit),
    /// Remove packages from a recipe, and from its lock what nothing else needs
    Remove(Edit),
    /// Say what differs between two outputs, trees, tars or locks, and why
    Compare(Compare),
    /// Write a page of HTML that shows what is in an output, and what is other than in another
    Report(Report),
    /// Check an output against its manifest, or a lock against what was signed
    Verify(Verify),
    /// Look whether this machine has what builds and boots need, and whether the sandbox holds
    Doctor(Doctor),
    /// Start an output's head and nodes on this machine and watch their consoles
    Boot(Boot),
    /// Put an output on a head, beside what its nodes run from, and offer it to those that start
    Publish(Publish),
    /// Put an output into a registry: its container image, and all that nodes and the head boot from
    Push(Push),
    /// Fetch what a registry has: an output, or a container image
    Pull(Pull),
    /// Offer nodes the previous generation again
    Rollback(Rollback),
    /// List the generations of a head, and who uses them
    Generations(Generations),
    /// Print the ssh host keys of a head's nodes, for /etc/ssh/ssh_known_hosts
    KnownHosts(OnHead),
    /// List a recipe's nodes, what the head knows of them, and machines that are in no table
    Nodes(Nodes),
    /// Write a machine into a recipe as a node
    Adopt(Adopt),
    /// Write a commented recipe to start from
    Init(Init),
    /// Print the JSON schema of recipes
    Schema(Schema),
    /// Print a shell's completions
    Completions(Completions),
    /// Print the manual page, or write one for each command
    Man(Man),
    /// Look at the cache, or make it smaller
    Cache(Cache),
}

impl Command {
    /// The options that commands which build have in common.
    pub(super) const fn common(&self) -> Option<&Common> {
        match self {
            Self::Build(arguments) => Some(&arguments.common),
            Self::Lock(arguments) => Some(&arguments.common),
            Self::Show(arguments) => Some(&arguments.common),
            Self::Add(arguments) | Self::Remove(arguments) => Some(&arguments.common),
            Self::Verify(arguments) => Some(&arguments.common),
            Self::Compare(_)
            | Self::Report(_)
            | Self::Boot(_)
            | Self::Publish(_)
            | Self::Push(_)
            | Self::Pull(_)
            | Self::Rollback(_)
            | Self::Generations(_)
            | Self::KnownHosts(_)
            | Self::Nodes(_)
            | Self::Adopt(_)
            | Self::Init(_)
            | Self::Schema(_)
            | Self::Completions(_)
            | Self::Man(_)
            | Self::Doctor(_)
            | Self::Cache(_) => None,
        }
    }
}

/// Options of every command that works on a recipe.
#[derive(Debug, Args)]
pub(super) struct Common {
    /// Base URL of a Debian mirror; may be given again for others to fall over to
    #[arg(long, value_name = "URL")]
    pub(super) mirror: Vec<String>,
    /// Directory of the cache [default: $XDG_CACHE_HOME/imgbuild or ~/.cache/imgbuild]
    #[arg(long, value_name = "DIR")]
    pub(super) cache: Option<PathBuf>,
    /// A store that this machine's cache shares with others: s3://, gs://, az://, https:// or http://
    ///
    /// What the cache lacks is looked for there, and what it has is sent there, with the credentials that the server's own
    /// tools take from their variables (AWS_…, GOOGLE_…, AZURE_…). Bytes count by their digest, and records with the seal of
    /// the secret in IMGBUILD_CACHE_KEY. [default: `store` in `[cache]` of ~/.config/imgbuild/config.toml]
    #[arg(long, value_name = "URL")]
    pub(super) store: Option<String>,
    /// Use what the cache has, and no network
    #[arg(long)]
    pub(super) offline: bool,
    /// Refuse to go on without a lock that fits the recipe
    #[arg(long)]
    pub(super) locked: bool,
    /// Go on with a lock that nothing proves, where no index of its archives can be had; the manifest says so
    #[arg(long)]
    pub(super) trust_lock: bool,
    /// Take an archive's Release although a newer one was seen before
    #[arg(long)]
    pub(super) allow_older: bool,
    /// Take more or less of what comes from outside; `--help` lists the names
    #[arg(long, value_name = "NAME=VALUE", long_help = super::limits::help())]
    pub(super) limit: Vec<String>,
    /// Threads to use [default: as many as there are processors]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) jobs: Option<u16>,
    /// Write events to standard error, one JSON object per line
    #[arg(long, value_name = "FORM")]
    pub(super) events: Option<Events>,
    /// Say nothing but errors: neither how far it is, nor which files were written
    #[arg(long, short, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Say everything, the output of packages' scripts too
    #[arg(long, short)]
    pub(super) verbose: bool,
}

/// The option of commands that configure packages.
#[derive(Debug, Args)]
pub(super) struct Configure {
    /// How packages are configured [default: native]
    #[arg(long = "configure", value_name = "WAY")]
    way: Option<Way>,
}

impl Configure {
    /// The way that is asked for, or the default.
    pub(super) fn method(&self) -> Method {
        self.way.map_or_else(Method::default, Into::into)
    }
}

/// A way to configure packages.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Way {
    /// Read the packages' scripts; nothing is executed
    Native,
    /// Run them, confined
    Sandbox,
}

impl From<Way> for Method {
    fn from(way: Way) -> Self {
        match way {
            Way::Native => Self::Native,
            Way::Sandbox => Self::Sandbox,
        }
    }
}

/// A form of events.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Events {
    /// JSON lines
    Json,
}

/// `build`
#[derive(Debug, Args)]
pub(super) struct Build {
    /// The recipe; of several each is built, one after the other, and what one has read and decoded serves the others
    ///
    /// All are looked at before the first is built. One that fails does not keep the others from being built; the status is
    /// the worst of all.
    #[arg(required = true, value_name = "RECIPE")]
    pub(super) recipes: Vec<PathBuf>,
    /// Where the output of one recipe appears [default: build/NAME]
    #[arg(long, short, value_name = "DIR")]
    pub(super) output: Option<PathBuf>,
    /// Fail unless the tree of the one recipe has this digest
    #[arg(long, value_name = "SHA256")]
    pub(super) expect: Option<Sha256>,
    /// Print SHA-256 and path of each output, also on a terminal or with --quiet
    #[arg(long)]
    pub(super) print: bool,
    /// Sign the output's provenance with this Ed25519 key (PEM)
    #[arg(long, value_name = "KEY")]
    pub(super) sign: Option<PathBuf>,
    /// Where nothing has changed and the output stays: read every byte of it, and not only how its files look
    #[arg(long)]
    pub(super) check: bool,
    /// Build also where nothing has changed
    #[arg(long, conflicts_with = "check")]
    pub(super) again: bool,
    #[command(flatten)]
    pub(super) configure: Configure,
    #[command(flatten)]
    pub(super) common: Common,
}

/// `lock`
#[derive(Debug, Args)]
pub(super) struct Lock {
    /// The recipe
    pub(super) recipe: PathBuf,
    /// Move an existing lock to what the archives offer now: these packages, or all
    #[arg(long, value_name = "PACKAGE", num_args = 0..)]
    pub(super) update: Option<Vec<String>>,
    #[command(flatten)]
    pub(super) configure: Configure,
    #[command(flatten)]
    pub(super) common: Common,
}

/// `add` and `remove`
#[derive(Debug, Args)]
pub(super) struct Edit {
    /// Packages, as in the recipe's `packages`
    #[arg(required = true, value_name = "PACKAGE")]
    pub(super) packages: Vec<String>,
    /// The recipe [default: the only .toml here]
    #[arg(long, short, value_name = "FILE")]
    pub(super) recipe: Option<PathBuf>,
    #[command(flatten)]
    pub(super) common: Common,
}

/// `show`
#[derive(Debug, Args)]
pub(super) struct Show {
    /// The recipe
    pub(super) recipe: PathBuf,
    /// Say only why this package would be installed
    #[arg(long, value_name = "PACKAGE")]
    pub(super) why: Option<String>,
    /// Say of each package how it would be configured without running its scripts
    #[arg(long, conflicts_with = "why")]
    pub(super) configure: bool,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Of a recipe with several images this one
    #[arg(long, value_name = "NAME")]
    pub(super) image: Option<String>,
    #[command(flatten)]
    pub(super) common: Common,
}

/// `compare`
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("as").multiple(false))]
pub(super) struct Compare {
    /// An output, a directory, a tar, squashfs, erofs or newc image (compressed or not), an OCI layout or a tar of one,
    /// `tree.txt`, `manifest.json` or a lock
    pub(super) before: PathBuf,
    /// Another
    pub(super) after: PathBuf,
    /// Print JSON
    #[arg(long, group = "as")]
    pub(super) json: bool,
    /// Print Markdown for a comment on a change: packages with sizes and changelogs, and what differs beyond time
    #[arg(long, group = "as")]
    pub(super) markdown: bool,
    /// Print a page of HTML with all that differs
    #[arg(long, group = "as")]
    pub(super) html: bool,
    /// Take more or less from outside; may be given again
    #[arg(long, value_name = "NAME=VALUE", long_help = super::limits::help())]
    pub(super) limit: Vec<String>,
}

/// `report`
#[derive(Debug, Args)]
pub(super) struct Report {
    /// The output directory
    #[arg(value_name = "DIR")]
    pub(super) directory: PathBuf,
    /// An output of before: what is other now is shown as well
    #[arg(long, value_name = "DIR")]
    pub(super) before: Option<PathBuf>,
    /// Where to write the page [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Take more or less from outside; may be given again
    #[arg(long, value_name = "NAME=VALUE", long_help = super::limits::help())]
    pub(super) limit: Vec<String>,
}

/// `verify`
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The output directory
    #[arg(value_name = "DIR", required_unless_present = "lock")]
    pub(super) directory: Option<PathBuf>,
    /// Build this recipe again, from the output's lock and in another world, and compare every byte
    #[arg(long, value_name = "RECIPE")]
    pub(super) rebuild: Option<PathBuf>,
    /// Require a provenance signed by this Ed25519 public key (PEM)
    #[arg(long, value_name = "KEY")]
    pub(super) key: Option<PathBuf>,
    /// Prove instead that a lock's packages are what its archives signed for
    #[arg(long, value_name = "LOCK", conflicts_with_all = ["directory", "rebuild", "key", "trust_lock"])]
    pub(super) lock: Option<PathBuf>,
    /// The lock's recipe: it names the keys of archives other than Debian's own
    #[arg(long, value_name = "RECIPE", requires = "lock")]
    pub(super) recipe: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) configure: Configure,
    #[command(flatten)]
    pub(super) common: Common,
}

/// `doctor`
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Base URL of the Debian mirror to look for
    #[arg(long, value_name = "URL")]
    pub(super) mirror: Vec<String>,
    /// The cache to look at
    #[arg(long, value_name = "DIR")]
    pub(super) cache: Option<PathBuf>,
    #[command(flatten)]
    pub(super) form: Json,
}

/// `man`
#[derive(Debug, Args)]
pub(super) struct Man {
    /// Write the page of the program, and one of each command, into this directory
    #[arg(long, value_name = "DIR")]
    pub(super) to: Option<PathBuf>,
}

/// `boot`
#[derive(Debug, Args)]
pub(super) struct Boot {
    /// The output directory
    #[arg(value_name = "DIR")]
    pub(super) directory: PathBuf,
    /// Start this node; may be given again [default: the first one of the table]
    #[arg(long, value_name = "NAME")]
    pub(super) node: Vec<String>,
    /// Memory of each node, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(64..=1_048_576))]
    pub(super) memory: u32,
    /// Start nodes by UEFI instead of BIOS
    #[arg(long)]
    pub(super) uefi: bool,
    /// Start nodes from the output's `boot/stick.img`, by UEFI, on a network without DHCP
    #[arg(long)]
    pub(super) stick: bool,
    /// End, with status 0, when all of them have reached this unit: `multi-user.target`, `ssh.service`; needs systemd
    /// 256 on the nodes [without a suffix: a target]
    #[arg(long, value_name = "UNIT", value_parser = unit)]
    pub(super) until: Option<String>,
    /// Fail if they have not after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600, requires = "until")]
    pub(super) timeout: u64,
    /// Keep the packets on the nodes' network beside the logs, the last 64 MB of them
    #[arg(long)]
    pub(super) capture: bool,
    /// Where the logs go [default: DIR.boot]
    #[arg(long, value_name = "DIR")]
    pub(super) logs: Option<PathBuf>,
}

/// The name of a unit (systemd.unit(5)); one without a suffix is a target.
fn unit(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte);
    if text.is_empty() || text.starts_with('-') || text.len() > 255 || !text.bytes().all(allowed) {
        return Err("it is no name of a unit".to_owned());
    }
    Ok(if text.contains('.') { text.to_owned() } else { format!("{text}.target") })
}

/// `publish`
#[derive(Debug, Args)]
pub(super) struct Publish {
    /// The output directory, or `oci://REFERENCE` in a registry; with `--site` the recipe
    #[arg(value_name = "DIR")]
    pub(super) directory: PathBuf,
    /// The head's root directory: `/` on the head itself
    #[arg(long, value_name = "ROOT")]
    pub(super) to: PathBuf,
    /// Put the recipe's `[[site]]` files on the head, for nodes that run as well, and nothing else
    #[arg(long, conflicts_with_all = ["standby", "key", "keep_root", "unknown_machines"])]
    pub(super) site: bool,
    /// The head is the standby
    #[arg(long)]
    pub(super) standby: bool,
    /// Require a provenance signed by this Ed25519 public key (PEM); given again, by any of them
    #[arg(long, value_name = "KEY")]
    pub(super) key: Vec<PathBuf>,
    /// Take the root that is there already as it is, although it is not as in the output
    #[arg(long)]
    pub(super) keep_root: bool,
    /// Let machines in no table boot this from now on, although another recipe's image was theirs
    #[arg(long)]
    pub(super) unknown_machines: bool,
    #[command(flatten)]
    pub(super) registry: OfRegistry,
    /// Print one JSON document
    #[arg(long)]
    pub(super) json: bool,
}

/// Options of every command that asks a registry.
#[derive(Debug, Args)]
pub(super) struct OfRegistry {
    /// Ask the registry by HTTP without TLS, as one on this machine is in any case
    #[arg(long)]
    pub(super) plain_http: bool,
    /// Take more or less from outside; may be given again
    #[arg(long, value_name = "NAME=VALUE", long_help = super::limits::help())]
    pub(super) limit: Vec<String>,
}

/// `push`
#[derive(Debug, Args)]
pub(super) struct Push {
    /// The output directory; several, with container images for different architectures, become one index
    #[arg(value_name = "DIR", required = true)]
    pub(super) directories: Vec<PathBuf>,
    /// What it is called there: `registry.example.org/group/name:tag`
    #[arg(value_name = "REFERENCE")]
    pub(super) reference: String,
    #[command(flatten)]
    pub(super) registry: OfRegistry,
    #[command(flatten)]
    pub(super) form: Json,
}

/// `pull`
#[derive(Debug, Args)]
pub(super) struct Pull {
    /// What it is called: `registry.example.org/group/name:tag`, or `…@sha256:…`
    #[arg(value_name = "REFERENCE")]
    pub(super) reference: String,
    /// Where it appears
    #[arg(value_name = "DIR")]
    pub(super) directory: PathBuf,
    /// Of several architectures this one, as Debian names it
    #[arg(long, value_name = "ARCHITECTURE")]
    pub(super) architecture: Option<String>,
    #[command(flatten)]
    pub(super) registry: OfRegistry,
    #[command(flatten)]
    pub(super) form: Json,
}

/// Options of every command that works on a head's generations.
#[derive(Debug, Args)]
pub(super) struct OnHead {
    /// The head's root directory
    #[arg(long, value_name = "ROOT", default_value = "/")]
    pub(super) to: PathBuf,
    /// Which cluster, when the head has several
    #[arg(long, value_name = "NAME")]
    pub(super) cluster: Option<String>,
}

/// The option of commands that print JSON where it is asked for.
#[derive(Debug, Args)]
pub(super) struct Json {
    /// Print one JSON document
    #[arg(long)]
    pub(super) json: bool,
}

/// `rollback`
#[derive(Debug, Args)]
pub(super) struct Rollback {
    /// Another generation than the previous one
    pub(super) generation: Option<String>,
    #[command(flatten)]
    pub(super) head: OnHead,
    #[command(flatten)]
    pub(super) form: Json,
}

/// `generations`
#[derive(Debug, Args)]
pub(super) struct Generations {
    /// Remove those that nothing speaks for, and say of each why it stays or goes
    #[arg(long)]
    pub(super) prune: bool,
    /// Keep the newest ones, so many, whoever uses them
    #[arg(long, value_name = "N", default_value_t = 3, requires = "prune")]
    pub(super) keep: usize,
    /// Keep for so long what was on the menu
    #[arg(long, value_name = "DAYS", default_value_t = 14, requires = "prune")]
    pub(super) grace: u32,
    /// Remove although it cannot be told of every node what it runs
    #[arg(long, requires = "prune")]
    pub(super) force: bool,
    #[command(flatten)]
    pub(super) head: OnHead,
    #[command(flatten)]
    pub(super) form: Json,
}

/// `nodes`
#[derive(Debug, Args)]
pub(super) struct Nodes {
    /// The recipe
    pub(super) recipe: PathBuf,
    /// The head's root directory, with its leases and logs
    #[arg(long, value_name = "ROOT", default_value = "/")]
    pub(super) head: PathBuf,
    /// Print one JSON document
    #[arg(long)]
    pub(super) json: bool,
}

/// `adopt`
#[derive(Debug, Args)]
pub(super) struct Adopt {
    /// The recipe
    pub(super) recipe: PathBuf,
    /// The machine's hardware address
    #[arg(value_parser = grammar::mac)]
    pub(super) mac: [u8; 6],
    /// Its host name
    #[arg(value_parser = grammar::host_name)]
    pub(super) name: String,
    /// Its address [default: the next one of the network that is free and not in the range]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) address: Option<Ipv4Addr>,
}

/// `init`
#[derive(Debug, Args)]
pub(super) struct Init {
    /// The file to write; it must not exist
    #[arg(default_value = "recipe.toml")]
    pub(super) recipe: PathBuf,
    /// Take head and nodes from the files of an existing head below this directory: those of dnsmasq or dhcpd, etc/hosts,
    /// etc/exports, pxelinux.cfg in its TFTP directory, and what was changed by hand in the root that nodes share
    #[arg(long, value_name = "DIR")]
    pub(super) from_head: Option<PathBuf>,
}

/// `schema`
#[derive(Debug, Args)]
pub(super) struct Schema {
    /// Print the reference of every key instead, for people
    #[arg(long)]
    pub(super) markdown: bool,
    /// Print the schema of the lines of `--events json` instead
    #[arg(long, conflicts_with = "markdown")]
    pub(super) events: bool,
}

/// `completions`
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// Which shell
    pub(super) shell: clap_complete::Shell,
}

/// `cache`
#[derive(Debug, Args)]
pub(super) struct Cache {
    /// Directory of the cache [default: $XDG_CACHE_HOME/imgbuild or ~/.cache/imgbuild]
    #[arg(long, value_name = "DIR", global = true)]
    pub(super) cache: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: CacheCommand,
}

/// What to do with the cache.
#[derive(Debug, Clone, Subcommand)]
pub(super) enum CacheCommand {
    /// Print where it is, how big, and what it may grow to
    Info,
    /// Remove what was used longest ago, until it is small enough; as every build does that has built something
    ///
    /// Packages that a lock in this directory names stay. Without an option the bounds are those of builds: `max-size`
    /// and `max-age` in `[cache]` of ~/.config/imgbuild/config.toml, 20G and 90d where they are not set.
    Prune {
        /// What may be left, such as 500M, 10G or 0
        #[arg(long, value_name = "SIZE", value_parser = size)]
        max: Option<u64>,
        /// Remove what was not used for so long, such as 12h, 30d or 8w
        #[arg(long, value_name = "AGE", value_parser = age)]
        max_age: Option<Duration>,
        /// Keep what the job that runs has used, for the next one to start from: `--max-age 6h`
        #[arg(long, conflicts_with = "max_age")]
        ci: bool,
    },
}

/// A length of time, in hours, days or weeks.
pub(super) fn age(text: &str) -> Result<Duration, String> {
    let wrong = || "an age is a number with h, d or w".to_owned();
    let hours = match text.strip_suffix(['h', 'd', 'w']).map(|digits| (digits, &text[digits.len()..])) {
        Some((digits, "h")) => digits.parse().map(|number: u32| u64::from(number)),
        Some((digits, "d")) => digits.parse().map(|number: u32| u64::from(number) * 24),
        Some((digits, _)) => digits.parse().map(|number: u32| u64::from(number) * 24 * 7),
        None => return Err(wrong()),
    };
    hours.map(|hours| Duration::from_secs(hours * 3600)).map_err(|_| wrong())
}

/// A number of bytes, with `K`, `M`, `G` or `T` for powers of 1024.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let shift = match &text[digits.len()..] {
        "" => 0,
        "K" | "k" => 10,
        "M" | "m" => 20,
        "G" | "g" => 30,
        "T" | "t" => 40,
        _ => return Err("a size is a number with K, M, G or T".to_owned()),
    };
    let number: u64 = digits.parse().map_err(|_| "a size is a number with K, M, G or T".to_owned())?;
    number.checked_mul(1 << shift).ok_or_else(|| "that is more than any disk has".to_owned())
}

#[cfg(test)]
mod tests;
