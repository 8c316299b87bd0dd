// details: facts about one book.
import { json, serve } from './server.mjs';

const details = (id) => ({
  id,
  author: 'William Shakespeare',
  year: 1595,
  type: 'paperback',
  pages: 200,
  publisher: 'PublisherA',
  language: 'English',
  'ISBN-10': '1234567890',
  'ISBN-13': '123-1234567890',
});

serve({
  name: 'details',
  version: process.env.SERVICE_VERSION || 'v1',
  routes: [
    { path: /^\/health$/, handle: () => json(200, { status: 'Details is healthy' }) },
    { path: /^\/details\/(\d{1,9})$/, handle: ({ match }) => json(200, details(Number(match[1]))) },
    { path: /^\/details\/[^/]*$/, handle: () => json(400, { error: 'the product id must be a number' }) },
  ],
});
