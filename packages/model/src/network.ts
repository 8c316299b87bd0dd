// Networks: parts of the mesh whose endpoints only reach each other through gateways.
import type { Cause } from './reference.ts';

/** Where clients of other networks find what is in a network: TLS whose server name names the destination. */
export interface NetworkGateway {
  /** IP address. */
  readonly address: string;
  readonly port: number;
  readonly causes: readonly Cause[];
}
