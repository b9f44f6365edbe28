//! CycloneDX 1.6 as JSON (<https://cyclonedx.org/docs/1.6/json/>).

use serde_json::Value;
use serde_json::json;

use super::Bill;
use super::Component;
use super::Role;
use crate::deb::date;

const IMAGE: &str = "image";

pub(super) fn text(bill: &Bill<'_>) -> String {
    let manifest = bill.manifest;
    let digest = manifest.tree.to_string();
    let references: Vec<String> = bill.components.iter().map(|component| reference(bill, component)).collect();
    let mut components = Vec::new();
    if let Some(system) = &bill.system {
        let mut value = json!({ "type": "operating-system", "bom-ref": "operating-system", "name": system.id });
        value["supplier"] = json!({ "name": system.supplier() });
        if let Some(version) = &system.version {
            value["version"] = version.as_str().into();
        }
        components.push(value);
    }
    components.extend(bill.components.iter().map(|each| component(bill, each)));
    let of_root = || bill.components.iter().zip(&references).filter(|(component, _)| component.role == Role::Root);
    let mut dependencies =
        vec![json!({ "ref": IMAGE, "dependsOn": of_root().map(|(_, reference)| reference).collect::<Vec<_>>() })];
    dependencies.extend(of_root().map(|(component, reference)| {
        let depends: Vec<&String> = component.depends.iter().map(|position| &references[*position]).collect();
        json!({ "ref": reference, "dependsOn": depends })
    }));
    let tool = json!({ "type": "application", "name": "imgbuild", "version": env!("CARGO_PKG_VERSION") });
    let mut document = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{}", uuid(&digest)),
        "version": 1,
        "metadata": {
            "timestamp": date::iso(manifest.epoch),
            "tools": { "components": [tool] },
            "component": {
                "type": "container",
                "bom-ref": IMAGE,
                "name": manifest.name,
                "version": digest,
                "description": "a root tree; the version is the digest of its canonical text (tree.txt)",
            },
        },
        "components": components,
        "dependencies": dependencies,
    });
    if let Some(supplier) = bill.supplier {
        document["metadata"]["supplier"] = json!({ "name": supplier });
    }
    format!("{document:#}\n")
}

/// What others name a component by.
fn reference(bill: &Bill<'_>, component: &Component<'_>) -> String {
    let kind = match component.role {
        Role::Root => "",
        Role::Loader => "&role=boot-loader",
        Role::Modules => "&role=kernel-modules",
    };
    format!("{}{kind}", bill.purl(component))
}

fn component(bill: &Bill<'_>, component: &Component<'_>) -> Value {
    let record = component.record;
    let mut properties = vec![
        // What trivy reads of a package's source.
        json!({ "name": "aquasecurity:trivy:PkgType", "value": bill.system.as_ref().map_or("debian", |system| &system.id) }),
        json!({ "name": "aquasecurity:trivy:SrcName", "value": record.source }),
        json!({ "name": "aquasecurity:trivy:SrcVersion", "value": record.source_version }),
        json!({ "name": "imgbuild:reason", "value": record.reason }),
    ];
    for (name, version) in &component.built_using {
        properties.push(json!({ "name": "imgbuild:built-using", "value": format!("{name} {version}") }));
    }
    let role = match component.role {
        Role::Root => None,
        Role::Loader => Some("boot loader of the head, not in the root"),
        Role::Modules => Some("sources of kernel modules, which alone of it are in the root"),
    };
    properties.extend(role.map(|role| json!({ "name": "imgbuild:role", "value": role })));
    let mut value = json!({
        "type": "library",
        "bom-ref": reference(bill, component),
        "name": record.name,
        "version": record.version,
        "hashes": [{ "alg": "SHA-256", "content": record.sha256 }],
        "purl": bill.purl(component),
        "properties": properties,
    });
    if let Some(supplier) = component.supplier() {
        value["supplier"] = json!({ "name": supplier });
    }
    if let Some(maintainer) = &component.maintainer {
        value["publisher"] = maintainer.as_str().into();
    }
    if let Some(licence) = &component.licence {
        value["licenses"] = json!([{ "expression": licence.expression }]);
    }
    value
}

/// RFC 9562, version 8: made of a digest.
fn uuid(digest: &str) -> String {
    let part = |from: usize, to: usize| &digest[from..to];
    format!("{}-{}-8{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}
