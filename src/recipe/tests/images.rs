//! Recipes with several images.

use super::*;

/// Three images for one head: one, one that adds to it, and one beside them.
const IMAGES: &str = r#"name = "x"
packages = ["bash"]
[debian]
suite = "trixie"
[install]
exclude = ["/usr/share/man/*"]
[diskless]
kernel-arguments = ["quiet"]
[head]
name = "head"
address = "10.0.0.1"
interface = "eth1"
network = "10.0.0.0/24"
range = ["10.0.0.100", "10.0.0.200"]
[image.login]
packages = ["less"]
[image.gpu]
extends = "compute"
packages = ["nvtop"]
[image.gpu.diskless]
kernel-arguments = ["iommu=pt"]
[image.compute]
packages = ["htop"]
[image.compute.output]
formats = ["erofs"]
[[node]]
name = "a"
mac = "02:00:00:00:00:0a"
address = "10.0.0.10"
[[node]]
name = "b"
mac = "02:00:00:00:00:0b"
address = "10.0.0.11"
image = "gpu"
"#;

fn names(recipe: &Recipe) -> Vec<&str> {
    recipe.packages.iter().filter_map(PackageRequest::name).collect()
}

#[test]
fn each_image_is_the_top_level_and_more() {
    let recipe = World::new().good(IMAGES);
    let images: Vec<&str> = recipe.images.iter().filter_map(|image| image.image.as_deref()).collect();
    assert_eq!(images, ["login", "gpu", "compute"], "in the order of the text");
    let [login, gpu, compute] = recipe.each() else { panic!("three") };
    assert_eq!(names(login), ["bash", "less"]);
    assert_eq!(names(gpu), ["bash", "htop", "nvtop"]);
    assert_eq!(names(compute), ["bash", "htop"]);
    assert_eq!((&gpu.formats[..], &login.formats[..]), (&[Format::Erofs][..], &[Format::Tar][..]));
    let arguments = |image: &Recipe| image.diskless.as_ref().expect("all are").kernel_arguments.clone();
    assert_eq!(arguments(gpu), ["quiet", "iommu=pt"]);
    assert_eq!(arguments(compute), ["quiet"]);
    assert!(recipe.each().iter().all(|image| image.install.exclude == ["/usr/share/man/*"]));

    // A node that names none boots the first; all images know the names of all nodes.
    let own = |image: &Recipe| image.own_nodes().map(|node| node.name.clone()).collect::<Vec<_>>();
    assert_eq!((own(login), own(gpu), own(compute)), (vec!["a".to_owned()], vec!["b".to_owned()], vec![]));
    assert_eq!(gpu.nodes, compute.nodes);
    assert_eq!(gpu.cluster(), "x.gpu");

    // Without a name there is one image, and it is the recipe.
    let single = World::new().good(CLUSTER);
    assert_eq!((single.each().len(), single.cluster().as_str()), (1, "x"));
}

#[test]
fn a_lock_is_for_all_images() {
    let place = World::new();
    let digests = |text: &str| {
        let recipe = place.good(text);
        let images: Vec<Sha256> = recipe.images.iter().map(|image| image.selection).collect();
        (recipe.selection, images)
    };
    let (whole, images) = digests(IMAGES);
    let (other, others) = digests(&IMAGES.replace("nvtop", "btop"));
    assert_ne!(whole, other);
    assert_eq!((images[0], images[2]), (others[0], others[2]));
    assert_ne!(images[1], others[1]);
    let (node, _) = digests(&IMAGES.replace("iommu=pt", "iommu=off"));
    assert_eq!(node, whole, "kernel arguments choose no packages");
}

#[test]
fn images_that_make_no_sense() {
    let bad = |from: &str, to: &str| {
        assert!(IMAGES.contains(from), "{from}");
        World::new().bad(&IMAGES.replacen(from, to, 1))
    };
    for (from, to, wanted) in [
        ("image = \"gpu\"", "image = \"gpo\"", "there is no such `[image.…]`; did you mean \"gpu\"?"),
        ("image = \"gpu\"", "image = \"zzzzzz\"", "known here: login, gpu, compute"),
        (
            "extends = \"compute\"",
            "extends = \"computer\"",
            "there is no `[image.computer]` (did you mean \"compute\"?)",
        ),
        ("extends = \"compute\"", "extends = \"gpu\"", "image `gpu` extends itself"),
        ("[image.login]\n", "[image.login]\nextends = \"gpu\"\n[image.head]\n", "a directory of this name is there"),
        ("[image.login]\n", "[image.\"../up\"]\n", "an image cannot be called `../up`"),
        ("[image.login]\n", "[image.Login]\n", "use up to 32 lower-case letters"),
        (
            "packages = [\"less\"]",
            "pakages = [\"less\"]",
            "unknown key `image.login.pakages` (did you mean `packages`?)",
        ),
        (
            "[image.login]\n",
            "[image.login.debian]\nsuite = \"sid\"\n[image.login]\n",
            "unknown key `image.login.debian`",
        ),
        (
            "packages = [\"less\"]",
            "diskless.interface = \"eth0\"\n[image.more.diskless]\ninterface = 1\n[image.most]",
            "`image.more.diskless.interface` is an integer",
        ),
    ] {
        let problems = bad(from, to);
        assert!(problems.iter().any(|problem| problem.contains(wanted)), "{to}: {problems:#?}");
    }
    // A key has one value, in all that an image is made of.
    let problems = bad("kernel-arguments = [\"quiet\"]", "root = \"nfs\"\n[image.login.diskless]\nroot = \"ram\"");
    let wanted = "`image.login.diskless.root` has another value at";
    assert!(problems.iter().any(|problem| problem.contains(wanted)), "{problems:#?}");
    // What is wrong above all images is told once.
    let problems = bad("suite = \"trixie\"", "suite = \"Tri xie\"");
    assert_eq!(problems.iter().filter(|problem| problem.contains("debian.suite")).count(), 1, "{problems:#?}");
    assert!(
        World::new()
            .bad(&CLUSTER.replace("mac =", "image = \"gpu\"\nmac ="))
            .concat()
            .contains("the recipe has no `[image.…]`")
    );
}

/// Images that extend each other in a ring end.
#[test]
fn a_ring_of_images_is_told() {
    let text = format!("{SMALL}[image.a]\nextends = \"b\"\n[image.b]\nextends = \"a\"\n");
    let problems = World::new().bad(&text);
    assert!(problems.iter().any(|problem| problem.contains("extends itself")), "{problems:#?}");
}

#[test]
fn a_lock_of_images_reads_as_it_was_written() {
    let recipe = World::new().good(IMAGES);
    let package = |name: &str| LockedPackage {
        name: name.into(),
        version: "1".into(),
        architecture: "amd64".into(),
        source: None,
        filename: format!("{name}.deb"),
        size: 1,
        sha256: Sha256::of(name.as_bytes()),
        reason: String::new(),
    };
    let mut locks = Vec::new();
    for (number, name) in ["less", "nvtop", "htop"].into_iter().enumerate() {
        let mut lock = Lock::new(&recipe.images[number]);
        lock.packages = vec![package(name)];
        lock.users.insert(format!("user{number}"), 100 + u32::try_from(number).expect("small"));
        locks.push(lock);
    }
    let lock = Lock::of_images(&recipe, locks.clone());
    let read = Lock::parse(&lock.to_text(), Path::new("x.lock")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(read, lock);
    assert!(!read.is_stale(&recipe));
    for (image, wanted) in recipe.images.iter().zip(&locks) {
        let part = read.of(image).expect("it is in the lock");
        assert_eq!(&part, wanted);
        assert!(!part.is_stale(image));
    }
    // What is judged of a lock is judged of each of its parts.
    for (from, to, wanted) in [
        ("filename = \"nvtop.deb\"", "filename = \"../nvtop.deb\"", "leads out"),
        ("user1 = 101", "user1 = 0", "cannot have the number 0"),
        ("user1 = 101", "user1 = 101\nuser9 = 101", "has it"),
        ("user1 = 101", "user0 = 7", "in two images"),
        ("name = \"gpu\"", "name = \"../gpu\"", "image"),
        ("name = \"gpu\"", "name = \"login\"", "twice"),
    ] {
        let text = lock.to_text();
        assert!(text.contains(from), "{from}: {text}");
        let error = Lock::parse(&text.replacen(from, to, 1), Path::new("x.lock")).expect_err(to).to_string();
        assert!(error.contains(wanted), "{to}: {error}");
    }
}
