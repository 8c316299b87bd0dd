// Names and subnets: short enough, apart from each other and from the host's routes.
import { describe, expect, test } from 'vitest';
import { nameServiceSwitch, resolverConfiguration } from './client-configuration.ts';
import { meshNames, workloadNamespace } from './names.ts';
import { chooseSubnet, freeSlot, slotAddress } from './subnet.ts';

describe('subnets', () => {
  test('lie in 10.240.0.0/12 and follow the seed', () => {
    expect(chooseSubnet(0, [])).toEqual({
      cidr: '10.240.0.0/20',
      hostAddress: '10.240.0.1',
      probeAddress: '10.240.0.2',
    });
    expect(chooseSubnet(255, [])?.cidr).toBe('10.255.240.0/20');
    expect(chooseSubnet(0xffff_ffff, [])?.cidr).toBe('10.255.240.0/20');
  });

  test('keep out of the way of routes, narrow and wide', () => {
    for (const route of ['10.240.0.0/20', '10.240.3.7', '10.240.0.0/16', '10.240.8.0/21']) {
      const chosen = chooseSubnet(0, ['default', route, '192.0.2.0/24', 'fe80::/64']);
      expect(chosen?.cidr, route).toMatch(/^10\.2(4[0-9]|5[0-5])\./);
      expect(chosen?.cidr, route).not.toBe('10.240.0.0/20');
    }
  });

  test('a wide route over all of them gives way to the narrower, an occupied pool has none', () => {
    expect(chooseSubnet(3, ['10.0.0.0/8', '10.240.48.0/24'])?.cidr).not.toBe('10.240.48.0/20');
    expect(chooseSubnet(3, ['10.0.0.0/8'])?.cidr).toBe('10.240.48.0/20');
    expect(chooseSubnet(3, ['0.0.0.0/0'])?.cidr).toBe('10.240.48.0/20');
    const all = Array.from({ length: 16 }, (_, i) => `10.${240 + i}.0.0/16`);
    expect(chooseSubnet(3, all)).toBeUndefined();
  });

  test('give out the lowest free address, up to the last', () => {
    const subnet = chooseSubnet(0, []);
    expect(freeSlot(new Set())).toBe(3);
    expect(freeSlot(new Set([3, 4, 6]))).toBe(5);
    expect(subnet && slotAddress(subnet, 300)).toBe('10.240.1.44');
    expect(freeSlot(new Set(Array.from({ length: 4095 }, (_, i) => i)))).toBeUndefined();
  });
});

describe('names', () => {
  test('follow the state directory and fit the kernel', () => {
    const names = meshNames('/nonexistent/state');
    expect(names).toEqual(meshNames('/nonexistent/./state'));
    expect(names.hostLink).not.toBe(meshNames('/nonexistent/other').hostLink);
    expect(names.hostLink.length).toBeLessThanOrEqual(15);
    expect(workloadNamespace(names, `../${'x'.repeat(80)}`, 3)).toMatch(/^xebec-[0-9a-f]{8}-3-\.\.-x{37}$/);
  });
});

describe('the resolver of a workload', () => {
  test('searches its own namespace first', () => {
    const settings = { nameserver: '10.240.0.1', namespace: 'shop', clusterDomain: 'cluster.local' };
    expect(resolverConfiguration(settings)).toBe(
      'nameserver 10.240.0.1\nsearch shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n',
    );
  });

  test('asks DNS, whatever daemon the host asks', () => {
    const host = 'passwd: files\nhosts: files resolve [!UNAVAIL=return] dns\nnetworks: files\n';
    expect(nameServiceSwitch(host)).toBe('passwd: files\nnetworks: files\nhosts: files dns\n');
  });
});
