// xebec agent iptables in namespaces of our own: one table of behaviour, the same with either back-end, around a real Envoy.
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addresses, type CaptureBench, openCaptureBench, type Reached } from './support/capture-bench.ts';
import { command, xebec } from './support/mesh.ts';
import { transparentCaptureReason } from './support/privilege.ts';

const envoy = process.env['ENVOY_PATH'];
const reason =
  (await transparentCaptureReason()) ?? (envoy === undefined ? 'no Envoy (set ENVOY_PATH)' : undefined);
const title = (text: string): string => `${text}${reason === undefined ? '' : ` (skipped: ${reason})`}`;

const backends = ['iptables', 'nftables'] as const;
const { own, other, ownAside, otherAside } = addresses;
const families = ['ipv4', 'ipv6'] as const;

describe.skipIf(reason !== undefined)(title('the rules by themselves'), () => {
  let bench: CaptureBench;
  beforeAll(async () => {
    bench = await openCaptureBench();
    await bench.startProxy(envoy ?? '', 'REDIRECT');
  }, 120_000);
  afterAll(async () => {
    await bench?.[Symbol.asyncDispose]();
  });

  const put = async (...flags: readonly string[]): Promise<void> => {
    const { code, stderr } = await bench.xebec('agent', 'iptables', ...flags);
    expect([code, stderr]).toEqual([0, '']);
  };
  const out = (host: string, port = 8080, owner?: readonly string[]): Promise<Reached | string> =>
    bench.dial('own', { host, port, ...(owner === undefined ? {} : { owner }) });
  const into = (host: string, port = 8080): Promise<Reached | string> => bench.dial('other', { host, port });
  const everything = async (): Promise<string> => {
    const parts: string[] = [];
    for (const program of [
      ['nft', '--stateless', 'list', 'ruleset'],
      ['iptables-save'],
      ['ip6tables-save'],
      ['ip', '-4', 'rule'],
      ['ip', '-6', 'rule'],
      ['ip', '-4', 'route', 'show', 'table', 'all'],
      ['ip', '-6', 'route', 'show', 'table', 'all'],
    ])
      parts.push((await bench.own(program)).stdout);
    return parts
      .join('\n')
      .replaceAll(/^#.*$/gm, '')
      .replaceAll(/\[\d+:\d+\]/g, '');
  };

  describe.each(backends)('%s', (backend) => {
    const apply = (...flags: readonly string[]): Promise<void> => put('--backend', backend, ...flags);

    it.each(families)(
      '[DP-2] captures out and in, but for loopback and the proxy itself (%s)',
      async (family) => {
        await apply();
        const to = other[family];
        const self = own[family];
        expect(await out(to)).toEqual({ via: to, from: self });
        expect(await out(to, 8080, ['--reuid=1337', '--regid=1000'])).toEqual({ from: self });
        expect(await out(to, 8080, ['--reuid=1000', '--regid=1337'])).toEqual({ from: self });
        expect(await out(family === 'ipv4' ? '127.0.0.1' : '::1')).toEqual({
          from: family === 'ipv4' ? '127.0.0.1' : '::1',
        });
        expect(await out(self)).toEqual({ from: self });
        expect(await into(self)).toEqual({ via: self, from: family === 'ipv4' ? '127.0.0.6' : '::6' });
        // The proxy that calls its own workload is somebody who comes in.
        expect(await out(self, 8080, ['--reuid=1337', '--regid=1337'])).toMatchObject({ via: self });
      },
    );

    it.each(families)('[DP-2] leaves out what is excluded (%s)', async (family) => {
      const blocks = family === 'ipv4' ? '192.0.2.0/24' : '2001:db8::/64';
      const excluded = family === 'ipv4' ? '192.0.2.2' : '2001:db8::2';
      await apply(
        ...['--exclude-outbound-ports', '5432', '--exclude-outbound-ip-ranges', blocks],
        ...['--exclude-outbound-uids', '1000', '--exclude-outbound-gids', '1001'],
        ...['--exclude-inbound-ports', '8081', '--exclude-interfaces', 'eth1'],
      );
      const to = other[family];
      const from = own[family];
      expect(await out(to)).toEqual({ via: to, from });
      expect(await out(to, 5432)).toEqual({ from });
      expect(await out(excluded)).toEqual({ from });
      expect(await out(to, 8080, ['--reuid=1000', '--regid=2000'])).toEqual({ from });
      expect(await out(to, 8080, ['--reuid=2000', '--regid=1001'])).toEqual({ from });
      expect(await out(to, 8080, ['--reuid=2000', '--regid=2000'])).toEqual({ via: to, from });
      expect(await out(otherAside[family])).toEqual({ from: ownAside[family] });
      expect(await into(from, 8081)).toEqual({ from: to });
      expect(await into(ownAside[family])).toEqual({ from: otherAside[family] });
      expect(await into(from)).toMatchObject({ via: from });
    });

    it.each(families)('[DP-2] takes in only what is included (%s)', async (family) => {
      const blocks = family === 'ipv4' ? '192.0.2.0/24' : '2001:db8::/64';
      const included = family === 'ipv4' ? '192.0.2.2' : '2001:db8::2';
      await apply(
        ...['--include-outbound-ports', '5432', '--include-outbound-ip-ranges', blocks],
        ...['--include-inbound-ports', '8081'],
      );
      const from = own[family];
      expect(await out(other[family])).toEqual({ from });
      expect(await out(other[family], 5432)).toMatchObject({ via: other[family] });
      expect(await out(included)).toMatchObject({ via: included });
      expect(await into(from)).toEqual({ from: other[family] });
      expect(await into(from, 8081)).toMatchObject({ via: from });
    });

    it('[DP-2] treats what a virtual machine sends as outbound', async () => {
      await apply(
        ...['--reroute-interfaces', 'eth1', '--exclude-outbound-ports', '5432'],
        ...['--include-inbound-ports', ''],
      );
      for (const family of families) {
        // Nothing is captured as inbound: what passes the proxy was taken for outbound.
        expect(await into(own[family])).toEqual({ from: other[family] });
        expect(await into(ownAside[family])).toMatchObject({ via: ownAside[family] });
        expect(await into(ownAside[family], 5432)).toEqual({ from: otherAside[family] });
      }
    });

    it.each(families)(
      '[DP-2] sends queries of names to the resolver, over UDP and TCP (%s)',
      async (family) => {
        const to = other[family];
        await apply();
        expect(await bench.query('udp', to)).toBe('elsewhere');
        await apply('--dns');
        for (const transport of ['udp', 'tcp'] as const) {
          expect(await bench.query(transport, to), transport).toBe('resolver');
          const proxy = ['--reuid=1337', '--regid=1337'];
          expect(await bench.query(transport, to, proxy), transport).toBe('elsewhere');
        }
      },
    );

    it('[DP-2] captures nothing under NONE', async () => {
      await apply('--interception-mode', 'NONE');
      expect(await out(other.ipv4)).toEqual({ from: own.ipv4 });
      expect(await into(own.ipv6)).toEqual({ from: other.ipv6 });
    });

    it('[DP-2] is taken away exactly; twice is once', async () => {
      await put('--clean');
      await bench.addForeignRules();
      const before = await everything();
      const flags = ['--interception-mode', 'TPROXY', '--dns', '--exclude-interfaces', 'eth1'];
      await apply(...flags);
      const once = await everything();
      await apply(...flags);
      expect(await everything()).toBe(once);
      await put('--clean');
      expect(await everything()).toBe(before);
      expect(await out(other.ipv4)).toEqual({ from: own.ipv4 });
    });
  });

  describe('TPROXY', () => {
    beforeAll(() => bench.startProxy(envoy ?? '', 'TPROXY'), 60_000);

    it.each(backends.flatMap((backend) => families.map((family) => [backend, family] as const)))(
      '[DP-2] the application sees the client itself (%s, %s)',
      async (backend, family) => {
        await put('--backend', backend, '--interception-mode', 'TPROXY', '--exclude-inbound-ports', '8081');
        const self = own[family];
        const client = other[family];
        expect(await into(self)).toEqual({ via: self, from: client });
        expect(await into(self, 8081)).toEqual({ from: client });
        expect(await out(client)).toEqual({ via: client, from: self });
        expect(await out(self)).toEqual({ from: self });
        const proxy = ['--reuid=1337', '--regid=1337'];
        expect(await out(self, 8080, proxy)).toMatchObject({ via: self });
        expect(await out(client, 8080, proxy)).toEqual({ from: self });
      },
    );
  });
});

describe('wrong flags', () => {
  const refused = async (...flags: readonly string[]): Promise<string> => {
    const { code, stderr } = await xebec(['agent', 'iptables', '--dry-run', ...flags]);
    expect(code).not.toBe(0);
    return stderr;
  };

  it('[DP-2] are named, with what to write', async () => {
    expect(await refused('--exclude-outbound-ports', '80x')).toMatch(
      /--exclude-outbound-ports.*"80x" is not a port/,
    );
    expect(await refused('--inbound-port', '0')).toMatch(/--inbound-port.*from 1 to 65535/);
    expect(await refused('--include-outbound-ip-ranges', '10.0.0.0/33')).toMatch(
      /--include-outbound-ip-ranges: "10.0.0.0\/33" is not.*10.0.0.0\/8/,
    );
    expect(await refused('--exclude-interfaces', 'eth0;reboot')).toMatch(
      /--exclude-interfaces: "eth0;reboot"/,
    );
    expect(await refused('--exclude-outbound-uids', 'root')).toMatch(
      /--exclude-outbound-uids.*user or group id/,
    );
    expect(await refused('--interception-mode', 'tproxy')).toMatch(/--interception-mode.*TPROXY/);
    expect(await refused('--backend', 'ebpf')).toMatch(/--backend.*nftables/);
    expect(await refused('--clean')).toMatch(/--clean and --dry-run exclude each other/);
  });

  it('[DP-2] without privilege nothing is changed, and the way out is told', async () => {
    const tool = [process.execPath, command, 'agent', 'iptables'];
    const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'];
    const [file = '', ...parameters] = process.getuid?.() === 0 ? [...nobody, ...tool] : tool;
    const { status, stderr } = spawnSync(file, parameters, {
      encoding: 'utf8',
      timeout: 60_000,
      killSignal: 'SIGKILL',
    });
    // A checkout below a closed directory cannot be read by others.
    if (stderr.includes('MODULE_NOT_FOUND') || stderr.includes('EACCES')) return;
    expect([status, stderr]).toEqual([1, expect.stringMatching(/neither root nor CAP_NET_ADMIN.*--dry-run/)]);
  });

  it('[DP-2] a dry run needs no privilege and prints what would be done', async () => {
    const { stdout } = await xebec([
      'agent',
      'iptables',
      '--dry-run',
      '--interception-mode',
      'TPROXY',
      '--dns',
    ]);
    for (const text of ['iptables-restore --noflush', 'ip6tables-restore', '--on-port 15006', 'ip -6 -batch'])
      expect(stdout).toContain(text);
    const { stdout: json } = await xebec([
      'agent',
      'iptables',
      '--dry-run',
      '--backend',
      'nftables',
      '-o',
      'json',
    ]);
    expect(JSON.parse(json)).toMatchObject({ rules: [{ command: ['nft', '-f', '-'] }, {}, {}] });
  });
});
