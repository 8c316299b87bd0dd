// Counters of proxies as decisions: by rule where rules are counted, and what is left by none.
import { expect, test } from 'vitest';
import { triedDecisions } from './dry-run.ts';

const stats = (values: Readonly<Record<string, number>>) => ({
  stats: Object.entries(values).map(([name, value]) => ({ name, value })),
});

test('what rules have counted is not counted again, and listeners count together', () => {
  const found = triedDecisions(
    'echo.default',
    stats({
      'http.inbound_0.0.0.0_8080.rbac.istio_dry_run_deny_.shadow_denied': 3,
      'http.inbound_0.0.0.0_8080.rbac.istio_dry_run_deny_.shadow_allowed': 5,
      'http.inbound_0.0.0.0_8080.rbac.istio_dry_run_deny_.policy.ns[a.b]-policy[c.d]-rule[1].shadow_denied': 3,
      'http.inbound_0.0.0.0_8081.rbac.istio_dry_run_deny_.shadow_allowed': 1,
      'http.inbound_0.0.0.0_8081.rbac.istio_dry_run_deny_.shadow_denied': 0,
      'tcp.rbac.istio_dry_run_allow_.shadow_denied': 2,
      'http.inbound_0.0.0.0_8080.rbac.denied': 7,
    }),
  );
  const { workload } = found[0] ?? {};
  expect(workload).toBe('echo.default');
  expect(found.map(({ workload: _workload, ...rest }) => Object.values(rest).join(' '))).toEqual([
    'ALLOW deny   tcp 2',
    'DENY deny c.d.a.b 1 http 3',
    'DENY allow   http 6',
  ]);
});
