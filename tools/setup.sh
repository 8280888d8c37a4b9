# shellcheck shell=bash disable=SC2034
# Sourced by tools/percore, tools/test and tools/bench: finds what is missing, installs it when told to, chooses a
# compiler that does not miscompile coroutines, sets the build up. Needs `root` (the repository); works in bash 4.
#
#   setup_packages yes|ask   base tools and libraries, and a compiler that passes the probe
#   setup_build [FOLDER]     meson setup, unless it is there for the same compiler
# After setup_packages, `compiler` is the chosen one. Every failure ends the script with status 3 and one sentence.

build=${PERCORE_BUILD:-$root/build}
probe_record=$build/compiler_probe.txt

stop() {
  printf '%s\n' "$*" >&2
  exit 3
}

# --- packages ---------------------------------------------------------------------------------------------------------

package_manager() {
  local name
  for name in apt-get dnf pacman zypper; do
    if command -v "$name" >/dev/null; then
      echo "$name"
      return
    fi
  done
}

# What a tool or library is called here: package_of MANAGER WHAT.
package_of() {
  case $1:$2 in
    *:meson) echo meson ;;
    apt-get:ninja | dnf:ninja) echo ninja-build ;;
    *:ninja) echo ninja ;;
    apt-get:pkg-config) echo pkg-config ;;
    dnf:pkg-config) echo pkgconf-pkg-config ;;
    *:pkg-config) echo pkgconf ;;
    apt-get:c++) echo g++ ;;
    pacman:c++) echo gcc ;;
    *:c++) echo gcc-c++ ;;
    apt-get:liburing) echo liburing-dev ;;
    pacman:liburing) echo liburing ;;
    *:liburing) echo liburing-devel ;;
    apt-get:fmt) echo libfmt-dev ;;
    pacman:fmt) echo fmt ;;
    *:fmt) echo fmt-devel ;;
    apt-get:CLI11) echo libcli11-dev ;;
    pacman:CLI11) echo cli11 ;;
    *:CLI11) echo cli11-devel ;;
    apt-get:doctest) echo doctest-dev ;;
    pacman:doctest) echo doctest ;;
    *:doctest) echo doctest-devel ;;
    apt-get:clang) echo "clang-19 libclang-rt-19-dev lld-19 clangd-19" ;;
    dnf:clang) echo "clang compiler-rt lld clang-tools-extra" ;;
    pacman:clang) echo "clang compiler-rt lld" ;;
    zypper:clang) echo "clang lld clang-tools" ;;
  esac
}

has_header() {
  local folder
  for folder in /usr/include /usr/local/include; do
    [[ -e $folder/$1 ]] && return 0
  done
  return 1
}

missing_parts() {
  command -v meson >/dev/null || echo meson
  { command -v ninja || command -v ninja-build; } >/dev/null || echo ninja
  { command -v pkg-config || command -v pkgconf; } >/dev/null || echo pkg-config
  { command -v c++ || command -v g++; } >/dev/null || echo c++  # its standard library serves clang too
  has_header liburing.h || echo liburing
  has_header fmt/core.h || echo fmt
  has_header CLI/CLI.hpp || echo CLI11
  has_header doctest/doctest.h || echo doctest
}

install_command() {
  case $1 in
    apt-get) echo "apt-get install -y --no-install-recommends" ;;
    dnf) echo "dnf install -y" ;;
    pacman) echo "pacman -S --needed --noconfirm" ;;
    zypper) echo "zypper --non-interactive install" ;;
  esac
}

# install_packages yes|ask PACKAGE...
install_packages() {
  local consent=$1 manager command answer
  shift
  manager=$(package_manager)
  [[ -n $manager ]] || stop "percore needs programs that are not here, and no apt, dnf, pacman or zypper was found to" \
    "install them: $*. Install what they are called on your system and start again."
  command="$(install_command "$manager") $*"
  if [[ $manager == apt-get ]] && ! apt-cache show "$1" >/dev/null 2>&1; then
    command="apt-get update && $command"
  fi
  if [[ $(id -u) != 0 ]]; then
    stop "percore needs packages that are not installed. Run this, then start again:"$'\n\n'"  sudo sh -c '$command'"$'\n'
  fi
  printf 'percore needs packages that are not installed. This installs them:\n\n  %s\n\n' "$command"
  if [[ $consent != yes ]]; then
    [[ -t 0 ]] || stop "Nobody is here to ask: run the command above, or start again with --yes."
    read -r -p "Go on? [Y/n] " answer || answer=n
    [[ -z $answer || $answer == [yY]* ]] || stop "Nothing was installed. Run the command above when you like, then start again."
  fi
  DEBIAN_FRONTEND=noninteractive sh -c "$command" ||
    stop "The packages could not be installed: see above. Mend that and start again."
}

# --- the compiler -----------------------------------------------------------------------------------------------------

# The one that is asked for, the usual ones, then those with a version in their name, newest first.
compiler_candidates() {
  local name folder file
  [[ -n ${CXX:-} ]] && echo "$CXX"
  echo g++
  echo clang++
  for name in g++ clang++; do
    for folder in ${PATH//:/ }; do
      for file in "$folder/$name"-[0-9]*; do
        [[ -x $file && ${file##*-} =~ ^[0-9]+$ ]] && echo "${file##*/}"
      done
    done | sort -u -t- -k2 -n -r
  done
}

# probe_compiler COMPILER: compiles and runs each file of tools/compiler_probe, without and with optimisation.
# Prints nothing when all is well, else the first reason.
probe_compiler() {
  local compiler=$1 folder source level flag why
  folder=$(mktemp -d) || stop "No temporary folder can be made: is the disk full?"
  for source in "$root"/tools/compiler_probe/*.cpp; do
    for level in -O0 -O2; do
      flag=-std=c++23
      # shellcheck disable=SC2086  # a launcher may stand before the compiler: "ccache g++"
      timeout 60 $compiler $flag $level -w "$source" -o "$folder/probe" >"$folder/errors" 2>&1 || {
        why=$(grep -m1 -o 'error: .*' "$folder/errors" | cut -c8-120)
        echo "$(basename "$source" .cpp) does not compile at $level${why:+: $why}"
        break 2
      }
      if ! timeout 5 "$folder/probe" >"$folder/words" 2>&1; then
        why=$(head -n1 "$folder/words" | cut -c1-120)
        echo "${why:-$(basename "$source" .cpp) runs wrong} (at $level)"
        break 2
      fi
    done
  done
  rm -rf "$folder"
}

# Tries the candidates that are installed. Writes the record that doctor shows, and sets `compiler`; fails when none
# passes. Lines of the record: "ok COMMAND VERSION", "bad COMMAND VERSION: why", "insisted COMMAND".
choose_compiler() {
  local candidate version file why seen=" "
  compiler=
  local record=
  for candidate in $(compiler_candidates_once); do
    command -v "${candidate%% *}" >/dev/null || continue
    # shellcheck disable=SC2086
    version=$($candidate --version 2>/dev/null | grep -oE -m1 '[0-9]+(\.[0-9]+)+' | head -n1)
    file=$(readlink -f "$(command -v "${candidate%% *}")")
    [[ $candidate != *" "* && $seen == *"|$file|"* ]] && continue # g++ and g++-12 are the same
    seen+="|$file|"
    why=$(probe_compiler "$candidate")
    if [[ -z $why ]]; then
      record+="ok $candidate ${version:-of unknown version}"$'\n'
      compiler=$candidate
      break
    fi
    record+="bad $candidate ${version:-of unknown version}: $why"$'\n'
    if [[ -n ${CXX:-} && $candidate == "$CXX" ]]; then
      printf '%s miscompiles coroutines or lacks C++23: %s.\n' "$CXX" "$why" >&2
      if [[ ${PERCORE_CXX_ANYWAY:-} == 1 ]]; then
        printf 'Taken all the same, because PERCORE_CXX_ANYWAY=1: a verdict may be its fault; check will point at the line.\n' >&2
        record+="insisted $candidate"$'\n'
        compiler=$candidate
        break
      fi
      printf 'Looking for another one; PERCORE_CXX_ANYWAY=1 would take it all the same.\n' >&2
    fi
  done
  probe_text=$record
  [[ -n $compiler ]]
}

compiler_candidates_once() { compiler_candidates | awk '!seen[$0]++'; }

# setup_packages yes|ask
setup_packages() {
  local consent=$1 manager part parts packages=
  parts=$(missing_parts)
  # One question for all: without any good compiler the good one comes along with the rest.
  if ! choose_compiler; then parts+=" clang"; fi
  [[ -z ${parts//[[:space:]]/} ]] && return
  manager=$(package_manager)
  for part in $parts; do packages+=" $(package_of "${manager:-none}" "$part")"; done
  # shellcheck disable=SC2086
  install_packages "$consent" $packages
  if [[ -z $compiler ]]; then
    hash -r
    choose_compiler ||
      stop "No compiler here passes the probe:"$'\n'"$probe_text""Install clang 19 or newer, or g++ 14 or newer, and start again."
  fi
}

# --- the build --------------------------------------------------------------------------------------------------------

# What tells a compiler from the one that an upgrade puts in its place, which may bear an older date: neither takes what the
# other has precompiled.
stamp_of() {
  stat -Lc '%i %s %Y' "$(command -v "${1%% *}")" 2>/dev/null
}

# True when the build is set up, for the compiler that is wanted, and that compiler is the one that was probed.
build_is_ready() {
  local program stamp
  [[ -e $build/build.ninja && -e $probe_record ]] || return 1
  { read -r program && read -r stamp; } <"$build/percore.compiler" 2>/dev/null || return 1
  [[ -z ${CXX:-} || $CXX == "$program" ]] || return 1
  [[ $stamp == "$(stamp_of "$program")" ]]
}

# setup_build: after setup_packages.
setup_build() {
  local log=$build/setup.log made_by
  made_by=$compiler$'\n'$(stamp_of "$compiler")
  if [[ -e $build/percore.compiler && $(<"$build/percore.compiler") != "$made_by" ]]; then
    rm -rf "${build:?}" # made by another compiler: products only, nothing of the learner's
  fi
  mkdir -p "$build" 2>/dev/null ||
    stop "$build cannot be made: is the folder read-only? Clone percore into a folder that you may write to."
  if [[ ! -e $build/build.ninja ]]; then
    local linker=
    # It takes half the time of the usual one.
    if "$compiler" -fuse-ld=lld -Wl,--version >/dev/null 2>&1; then linker=lld; fi
    CXX=$compiler CXX_LD=$linker meson setup "$build" "$root" >"$log" 2>&1 || {
      grep -E 'ERROR|error:' "$log" >&2
      stop "Meson could not set the build up; all of its words are in $log."
    }
  fi
  { printf '%s' "$probe_text" >"$probe_record" && printf '%s\n' "$made_by" >"$build/percore.compiler"; } 2>/dev/null ||
    stop "$build cannot be written: is the disk full?"
}
