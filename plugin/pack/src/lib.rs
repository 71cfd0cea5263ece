//! Turns the module that the linker wrote into the module that ships.
//!
//! [`pack`] keeps the exports of [`contract::EXPORTS`], puts our own in place of the SDK's where
//! [`contract::RENAMED`] says so, drops what became unreachable and refuses a module that lacks an export
//! or asks the host for more than [`contract`] allows. The SDK exports every callback there is; Envoy
//! enters the VM for each of them, some thousand instructions a time.

pub mod contract;

mod error;

use std::collections::BTreeSet;

use walrus::{FunctionId, ImportId, ImportKind, Module, ModuleConfig};

use crate::contract::{EXPORTS, HOST_CALLS, Line, NEVER_CALLED, RENAMED, WASI_CALLS};
pub use crate::error::PackError;

/// Packs `linked`, a module for wasm32-wasip1 as `rustc` links it.
///
/// # Errors
/// [`PackError`]: no module, an export that is missing, or host calls that are not allowed.
pub fn pack(linked: &[u8]) -> Result<Vec<u8>, PackError> {
    let mut module = read(linked)?;
    rename_our_own(&mut module)?;
    keep_only_our_exports(&mut module)?;
    // First what is reachable: an import that nothing calls needs neither a trap nor a permission.
    walrus::passes::gc::run(&mut module);
    trap_what_is_never_called(&mut module)?;
    allow_only_our_imports(&module)?;
    walrus::passes::gc::run(&mut module);
    let packed = module.emit_wasm();
    // Validates: a fault in the lines above must not be found by Envoy.
    read(&packed)?;
    Ok(packed)
}

fn read(bytes: &[u8]) -> Result<Module, PackError> {
    ModuleConfig::new()
        // Same input, same bytes, whatever tool versions: the digest is what operators pin.
        .generate_producers_section(false)
        .parse(bytes)
        .map_err(PackError::NotAModule)
}

fn rename_our_own(module: &mut Module) -> Result<(), PackError> {
    let missing: Vec<&'static str> = RENAMED
        .iter()
        .filter(|(own, name)| {
            let id = module.exports.iter().find(|one| one.name == *own).map(|one| one.id());
            if let Some(id) = id {
                // An error means that there was none to replace, which the list of exports will notice.
                let _ = module.exports.remove(name);
                (*name).clone_into(&mut module.exports.get_mut(id).name);
            }
            id.is_none()
        })
        .map(|(own, _)| *own)
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(PackError::ExportsMissing(missing)) }
}

fn keep_only_our_exports(module: &mut Module) -> Result<(), PackError> {
    let present: BTreeSet<String> = module.exports.iter().map(|e| e.name.clone()).collect();
    let missing: Vec<&'static str> =
        names(EXPORTS).filter(|name| !present.contains(*name)).collect();
    if !missing.is_empty() {
        return Err(PackError::ExportsMissing(missing));
    }
    let superfluous: Vec<_> = module
        .exports
        .iter()
        .filter(|export| !names(EXPORTS).any(|name| name == export.name))
        .map(|export| export.id())
        .collect();
    for export in superfluous {
        module.exports.delete(export);
    }
    Ok(())
}

fn trap_what_is_never_called(module: &mut Module) -> Result<(), PackError> {
    let found: Vec<FunctionId> = module
        .imports
        .iter()
        .filter(|import| import.module == HOST && NEVER_CALLED.contains(&import.name.as_str()))
        .filter_map(|import| match import.kind {
            ImportKind::Function(function) => Some(function),
            _ => None,
        })
        .collect();
    for function in found {
        module
            .replace_imported_func(function, |(body, _)| {
                body.unreachable();
            })
            .map_err(PackError::NotAModule)?;
    }
    Ok(())
}

fn allow_only_our_imports(module: &Module) -> Result<(), PackError> {
    let refused: Vec<String> = module
        .imports
        .iter()
        .filter(|import| !is_allowed(module, import.id()))
        .map(|import| format!("{}.{}", import.module, import.name))
        .collect();
    if refused.is_empty() { Ok(()) } else { Err(PackError::ImportsRefused(refused)) }
}

fn is_allowed(module: &Module, import: ImportId) -> bool {
    let import = module.imports.get(import);
    let list = match import.module.as_str() {
        HOST => HOST_CALLS,
        WASI => WASI_CALLS,
        _ => return false,
    };
    names(list).any(|name| name == import.name)
}

fn names(list: &[Line]) -> impl Iterator<Item = &'static str> + '_ {
    list.iter().map(|line| line.name)
}

const HOST: &str = "env";
const WASI: &str = "wasi_snapshot_preview1";

#[cfg(test)]
mod tests;
