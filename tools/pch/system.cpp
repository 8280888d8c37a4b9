// Holds nothing: Meson makes a precompiled header for a target, and this is the one whose header
// all share.
