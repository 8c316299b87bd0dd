// The words that random policies and random calls share, so that they meet often.

export const trustDomain = 'mesh.example';
export const namespaces = ['a', 'ab', 'shop'] as const;
export const accounts = ['x', 'xy', 'x.y'] as const;
export const clientAddresses = ['127.1.2.3', '127.1.2.4', '127.1.9.9', '127.9.9.9'] as const;
export const forwarded = ['10.1.2.3', '10.9.9.9', 'fd00::7', '127.1.2.3'] as const;
export const blocks = [
  '127.0.0.0/8',
  '127.1.0.0/16',
  '127.1.2.0/24',
  '127.1.2.3',
  '127.1.2.4/31',
  '10.0.0.0/8',
  '10.1.2.3',
  '0.0.0.0/0',
  'fd00::/8',
  '::1',
] as const;
export const serverNames = [
  'a.example.com',
  'outbound_.80_._.echo.a.svc.cluster.local',
  'b.example.com',
] as const;
export const hosts = [
  'echo',
  'ECHO.Example',
  'a.example.com',
  'a.example.com:80',
  'b.example.com:8080',
  'A.EXAMPLE.com.',
  'a.example.com.:80',
  '127.0.0.1:7000',
  '[fd00::1]:80',
] as const;
export const methods = ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'] as const;
export const paths = [
  '/',
  '/a',
  '/A',
  '/a/b',
  '/a/b/',
  '/admin',
  '/admin/x',
  '/cars/1/tires',
  '/cars/1/2/tires',
  '/files/a/b.txt',
  '/pkg.Service/Method',
  '/a%2Fb',
  '/a+b',
] as const;
export const templates = [
  '/cars/{*}/tires',
  '/cars/{*}',
  '/{*}',
  '/files/{**}',
  '/{**}',
  '/{*}/b/{**}',
  '/{**}/tires',
  '/pkg.Service/{*}',
] as const;
export const headers = ['x-user', 'x-role', 'user-agent', 'content-type'] as const;
export const headerValues = [
  'jason',
  'jas',
  'admin',
  'son',
  'a,b',
  'JASON',
  'x y',
  '(jason)',
  'ja.on',
] as const;
