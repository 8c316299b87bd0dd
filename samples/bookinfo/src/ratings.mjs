// ratings: how many stars each reviewer gave; what is posted stays until the process ends.
import { json, readBody, serve } from './server.mjs';

const initial = { Reviewer1: 5, Reviewer2: 4 };
const postedById = new Map();
const isStars = (value) => Number.isInteger(value) && value >= 1 && value <= 5;

function parseRatings(text) {
  try {
    const value = JSON.parse(text ?? '');
    const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isRecord && Object.values(value).every(isStars) && Object.keys(value).length <= 100
      ? value
      : undefined;
  } catch {
    return undefined;
  }
}

async function post({ request, match }) {
  const ratings = parseRatings(await readBody(request));
  if (ratings === undefined) {
    return json(400, { error: 'send a JSON object of reviewer names and stars from 1 to 5' });
  }
  const id = Number(match[1]);
  if (postedById.size < 1_000 || postedById.has(id)) postedById.set(id, ratings);
  return json(200, { id, ratings });
}

function get({ match }) {
  const id = Number(match[1]);
  return json(200, { id, ratings: postedById.get(id) ?? initial });
}

serve({
  name: 'ratings',
  version: process.env.SERVICE_VERSION || 'v1',
  routes: [
    { path: /^\/health$/, handle: () => json(200, { status: 'Ratings is healthy' }) },
    { path: /^\/ratings\/(\d{1,9})$/, handle: get },
    { method: 'POST', path: /^\/ratings\/(\d{1,9})$/, handle: post },
    { path: /^\/ratings\/[^/]*$/, handle: () => json(400, { error: 'the product id must be a number' }) },
  ],
});
