// Whether an address lies in a block; addresses of one family never lie in blocks of the other.
import ipaddr from 'ipaddr.js';

type Block = readonly [ipaddr.IPv4 | ipaddr.IPv6, number];

/** An address alone is the block of itself; undefined when it is neither. */
function blockOf(written: string): Block | undefined {
  if (ipaddr.isValidCIDR(written)) return ipaddr.parseCIDR(written);
  if (!ipaddr.isValid(written)) return undefined;
  const address = ipaddr.parse(written);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

/** Whether `written`, an address or a block, lies wholly in one of `blocks`. */
export function isInBlocks(written: string, blocks: readonly string[]): boolean {
  const inner = blockOf(written);
  if (inner === undefined) return false;
  return blocks.some((text) => {
    const outer = blockOf(text);
    if (outer === undefined || outer[0].kind() !== inner[0].kind() || outer[1] > inner[1]) return false;
    return inner[0].match(outer[0], outer[1]);
  });
}

/** An address and the length of its prefix, as Envoy writes blocks. */
export function prefixOf(written: string): { readonly address: string; readonly length: number } {
  const block = blockOf(written);
  if (block === undefined) return { address: written, length: 0 };
  return { address: block[0].toString(), length: block[1] };
}

/** The one spelling of all addresses and blocks that mean the same addresses. */
export function networkOf(written: string): string {
  const block = blockOf(written);
  if (block === undefined) return written;
  const [address, length] = block;
  const kind = address.kind() === 'ipv4' ? ipaddr.IPv4 : ipaddr.IPv6;
  return `${kind.networkAddressFromCIDR(`${address.toString()}/${length}`).toString()}/${length}`;
}
