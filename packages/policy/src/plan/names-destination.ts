// Which attributes tell destinations apart: a namespace, a port or an address says nothing of who is there.
const shared = /^destination\.(ip|port|namespace|service\.namespace|workload\.namespace)$/;

export const namesDestination = (attribute: string): boolean =>
  attribute.startsWith('destination.') && !shared.test(attribute);
