// The rules: both back-ends against goldens, refusals, and annotations.
import { describe, expect, test } from 'vitest';
import { applyAnnotations } from './annotations.ts';
import { type CaptureRules, defaultRules } from './capture-rules.ts';
import { checkRules } from './check-rules.ts';
import { type Backend, renderRules } from './render.ts';

const dnsCapture = { addresses: ['10.240.0.1', 'fd00::1'], port: 15053, proxyPort: 15054 };

const cases: Readonly<Record<string, CaptureRules>> = {
  defaults: defaultRules,
  dns: { ...defaultRules, dnsCapture, excludeInboundSources: ['10.240.0.2'] },
  tproxy: {
    ...defaultRules,
    interception: 'TPROXY',
    includeInboundPorts: [8080],
    excludeInboundPorts: [8081],
  },
  none: { ...defaultRules, interception: 'NONE', dnsCapture },
  interfaces: { ...defaultRules, excludeInterfaces: ['eth1'], rerouteInterfaces: ['net1', 'net2'] },
  selected: {
    ...defaultRules,
    includeInboundPorts: [8080, 9080],
    excludeInboundPorts: [9080],
    includeOutboundCidrs: ['10.96.0.0/12', 'fd00::/8'],
    excludeOutboundCidrs: ['10.96.7.0/24', 'fd00:7::/32'],
    includeOutboundPorts: [443],
    excludeOutboundPorts: [5432, 6379],
    excludeOutboundUids: [1000],
    excludeOutboundGids: [1001],
    dnsCapture: { addresses: ['fd00::1'], port: 15053 },
  },
};

/** What a dry run prints: each text under the command that takes it. */
function rendered(rules: CaptureRules, backend: Backend): string {
  const result = renderRules(rules, backend);
  if (!result.ok) throw new Error(JSON.stringify(result.diagnostics));
  return result.value.map(({ command, text }) => `# ${command.join(' ')}\n${text}`).join('\n');
}

describe('goldens', () => {
  for (const [name, rules] of Object.entries(cases))
    for (const backend of ['iptables', 'nftables'] as const)
      test(`${name} as ${backend}`, async () => {
        await expect(rendered(rules, backend)).toMatchFileSnapshot(`goldens/${name}.${backend}.txt`);
      });

  test('what is excluded is given back before anything is captured', () => {
    const text = rendered({ ...defaultRules, ...cases['selected'] }, 'iptables');
    const at = (rule: string): number => {
      const index = text.indexOf(rule);
      expect(index, rule).toBeGreaterThan(0);
      return index;
    };
    expect(at('-A XEBEC_INBOUND -p tcp -m tcp --dport 9080 -j RETURN')).toBeLessThan(
      at('-A XEBEC_INBOUND -p tcp -m tcp --dport 9080 -j XEBEC_IN_REDIRECT'),
    );
    expect(at('-A XEBEC_OUTBOUND -d 10.96.7.0/24 -j RETURN')).toBeLessThan(
      at('-A XEBEC_OUTBOUND -d 10.96.0.0/12 -j XEBEC_REDIRECT'),
    );
    expect(at('-A XEBEC_OUTBOUND -p tcp -m tcp --dport 5432 -j RETURN')).toBeLessThan(
      at('-A XEBEC_OUTBOUND -p tcp -m tcp --dport 443 -j XEBEC_REDIRECT'),
    );
  });
});

describe('refusals', () => {
  test.each([
    [{ excludeOutboundPorts: [0] }, 'excludeOutboundPorts'],
    [{ excludeInboundPorts: [70_000] }, 'excludeInboundPorts'],
    [{ includeOutboundCidrs: ['10.0.0.0/33'] }, 'includeOutboundCidrs'],
    [{ excludeOutboundCidrs: ['1.2.3.4\n-A OUTPUT -j ACCEPT'] }, 'excludeOutboundCidrs'],
    [{ excludeInboundSources: ['fe80::1%eth0'] }, 'excludeInboundSources'],
    [{ excludeOutboundUids: [-1] }, 'excludeOutboundUids'],
    [{ dnsCapture: { addresses: ['dns.example'], port: 53 } }, 'dnsCapture.addresses'],
    [{ dnsCapture: { addresses: ['127.0.0.1', '127.0.0.2'], port: 53 } }, 'dnsCapture.addresses'],
    [{ excludeInterfaces: ['eth0" accept'] }, 'excludeInterfaces'],
    [{ rerouteInterfaces: ['a-name-that-is-too-long'] }, 'rerouteInterfaces'],
    [{ inboundUdpAddresses: ['255.0.0.6 -j ACCEPT'] }, 'inboundUdpAddresses'],
    [{ serviceNetworks: ['2001:2::/129'] }, 'serviceNetworks'],
  ] satisfies [Partial<CaptureRules>, string][])('%j is refused', (change, field) => {
    const result = renderRules({ ...defaultRules, ...change }, 'nftables');
    expect(result.ok).toBe(false);
    expect(checkRules({ ...defaultRules, ...change })).toMatchObject([
      { code: 'invalid-capture-rule', field },
    ]);
  });
});

describe('annotations', () => {
  const apply = (annotations: Record<string, string>) =>
    applyAnnotations(defaultRules, annotations, 'Pod/default/web');

  test('add to the defaults', () => {
    const result = apply({
      'traffic.sidecar.istio.io/excludeInboundPorts': '9090, 9091',
      'traffic.sidecar.istio.io/excludeOutboundPorts': '5432',
      'traffic.sidecar.istio.io/includeOutboundIPRanges': '10.0.0.0/8,fd00::/8',
      'traffic.sidecar.istio.io/excludeOutboundIPRanges': '10.9.0.0/16',
      'traffic.sidecar.istio.io/includeInboundPorts': '',
      'traffic.sidecar.istio.io/excludeInterfaces': 'eth1',
      'istio.io/reroute-virtual-interfaces': 'net1',
      'xebec.io/excludeOutboundUids': '1000',
      'xebec.io/excludeOutboundGids': '1001, 1002',
      'sidecar.istio.io/interceptionMode': 'TPROXY',
      'example.com/other': 'ignored',
    });
    expect(result).toMatchObject({
      ok: true,
      value: {
        excludeInboundPorts: [15000, 15020, 15021, 15090, 9090, 9091],
        excludeOutboundPorts: [5432],
        includeOutboundCidrs: ['10.0.0.0/8', 'fd00::/8'],
        excludeOutboundCidrs: ['10.9.0.0/16'],
        includeInboundPorts: [],
        excludeInterfaces: ['eth1'],
        rerouteInterfaces: ['net1'],
        excludeOutboundUids: [1000],
        excludeOutboundGids: [1001, 1002],
        interception: 'TPROXY',
      },
    });
  });

  test('that cannot be honoured are refused with their place', () => {
    const result = apply({
      'traffic.sidecar.istio.io/excludeOutboundPorts': '80x',
      'traffic.sidecar.istio.io/excludeOutboundPort': '80',
      'traffic.sidecar.istio.io/__proto__': 'x',
      'sidecar.istio.io/interceptionMode': 'tproxy',
    });
    expect(result.ok ? [] : result.diagnostics).toMatchObject([
      {
        code: 'invalid-capture-rule',
        field: 'metadata.annotations["traffic.sidecar.istio.io/excludeOutboundPorts"]',
        message: '"80x" is not a port',
        origin: { object: 'Pod/default/web' },
      },
      {
        code: 'unknown-annotation',
        remedy: 'did you mean "traffic.sidecar.istio.io/excludeOutboundPorts"?',
      },
      { code: 'unknown-annotation' },
      { code: 'unknown-value' },
    ]);
  });
});
