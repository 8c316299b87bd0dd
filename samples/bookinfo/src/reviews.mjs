// reviews: v1 shows no stars, v2 asks ratings and paints them black, v3 red. One program; SERVICE_VERSION decides.
import { hostname } from 'node:os';
import { createClient, forwardedHeaders } from './client.mjs';
import { json, serve } from './server.mjs';

const env = process.env;
const version = env.SERVICE_VERSION || 'v1';
const get = createClient(env);

// v2 waits longer for ratings than productpage waits for reviews. That is a mistake on purpose:
// routing/virtual-service-ratings-test-delay.yaml shows it, and v3 has it repaired.
const stars =
  { v2: { color: 'black', timeoutMs: 10_000 }, v3: { color: 'red', timeoutMs: 2_500 } }[version] ?? undefined;

const texts = [
  { reviewer: 'Reviewer1', text: 'Two pairs of twins, one very long day. I laughed until the last embrace.' },
  { reviewer: 'Reviewer2', text: 'Quick, loud and cheerful. Come for the mix-ups; do not look for a moral.' },
];

async function fetchRatings(id, headers) {
  try {
    const answer = await get({
      service: 'ratings',
      path: `/ratings/${id}`,
      headers: forwardedHeaders(headers),
      timeoutMs: stars.timeoutMs,
    });
    if (answer.status === 200) return JSON.parse(answer.body).ratings;
    console.error(`ratings answered ${answer.status}`);
  } catch (error) {
    console.error(`ratings did not answer: ${error.message}`);
  }
  return undefined;
}

function ratingOf(reviewer, ratings) {
  if (ratings === undefined) return { rating: { error: 'Ratings service is currently unavailable' } };
  return Object.hasOwn(ratings, reviewer)
    ? { rating: { stars: ratings[reviewer], color: stars.color } }
    : { rating: { error: `${reviewer} has not given stars` } };
}

async function reviews({ match, headers }) {
  const id = match[1];
  const ratings = stars === undefined ? undefined : await fetchRatings(id, headers);
  return json(200, {
    id,
    podname: env.POD_NAME || hostname(),
    clustername: env.CLUSTER_NAME || 'null',
    reviews: texts.map((one) => (stars === undefined ? one : { ...one, ...ratingOf(one.reviewer, ratings) })),
  });
}

serve({
  name: 'reviews',
  version,
  routes: [
    { path: /^\/health$/, handle: () => json(200, { status: 'Reviews is healthy' }) },
    { path: /^\/reviews\/(\d{1,9})$/, handle: reviews },
    { path: /^\/reviews\/[^/]*$/, handle: () => json(400, { error: 'the product id must be a number' }) },
  ],
});
