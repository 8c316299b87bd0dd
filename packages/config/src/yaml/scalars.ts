// Plain scalars that mean one thing in YAML 1.2 and another in the tools that still read YAML 1.1.

const word11 = /^(?:y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF)$/;
const number11 = /^[-+]?(?:0[0-7]+|0b[01_]+|[0-9][0-9_]*_[0-9_]*(?:\.[0-9_]*)?)$/;

/** A number in YAML 1.2's core schema. */
export const number12 =
  /^[-+]?(?:0o[0-7]+|0x[0-9a-fA-F]+|\.inf|\.Inf|\.INF|(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)$|^\.(?:nan|NaN|NAN)$/;

/** True for `yes`, `off`, `017`, `1_000`…: text or another number to other tools. */
export const isAmbiguous = (source: string): boolean =>
  source.length <= 32 && (word11.test(source) || number11.test(source));
