// The HTML of productpage; every value from outside passes `escapeHtml`.

const escapeHtml = (value) =>
  String(value ?? '').replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const colors = new Set(['black', 'red']);
const starPath = 'M12 2.2l3 6.3 6.9.9-5.1 4.8 1.3 6.9L12 17.7l-6.1 3.4 1.3-6.9L2.1 9.4l6.9-.9z';

function frame({ title, user, main }) {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="/static/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/bookinfo.css">
</head>
<body>
<header class="bar">
<a class="brand" href="/productpage">Bookinfo</a>
<span class="hint">a sample that runs in a mesh</span>
${renderUser(user)}
</header>
<main>
${main}
</main>
<script src="/static/bookinfo.js" type="module"></script>
</body>
</html>
`;
}

function renderUser(user) {
  if (user !== undefined) {
    const initial = escapeHtml(user.slice(0, 1).toUpperCase());
    return `<div class="user"><span class="avatar" aria-hidden="true">${initial}</span><span>${escapeHtml(user)}</span> <a class="quiet" href="/logout">Sign out</a></div>`;
  }
  return `<form class="user" method="post" action="/login">
<label class="hidden" for="username">User name</label>
<input id="username" name="username" placeholder="jason" autocomplete="username" maxlength="64" pattern="[A-Za-z0-9][A-Za-z0-9._@\\-]*" required>
<button type="submit">Sign in</button>
</form>`;
}

function renderStars(rating) {
  if (rating === undefined) return '';
  if (rating.error !== undefined) return `<p class="missing">${escapeHtml(rating.error)}</p>`;
  const color = colors.has(rating.color) ? rating.color : 'black';
  const count = Math.max(0, Math.min(5, Math.trunc(Number(rating.stars)) || 0));
  const star = (index) =>
    `<svg class="${index < count ? 'full' : 'empty'}" viewBox="0 0 24 24" aria-hidden="true"><path d="${starPath}"/></svg>`;
  return `<div class="stars ${color}" role="img" aria-label="${count} of 5 ${color} stars">${[0, 1, 2, 3, 4].map(star).join('')}</div>`;
}

function renderReview({ reviewer, text, rating }) {
  return `<article class="review">
${renderStars(rating)}
<blockquote>${escapeHtml(text)}</blockquote>
<footer>${escapeHtml(reviewer)}</footer>
</article>`;
}

/** The version in `reviews-v2-6f…`, or the header's word for it. */
const versionOf = (reviews) =>
  reviews.version ?? /-(v\d+)(?:-|$)/.exec(reviews.value?.podname ?? '')?.[1] ?? 'unknown version';

function renderReviews(reviews) {
  if (reviews.value === undefined) return renderSorry('reviews', reviews);
  const version = versionOf(reviews);
  return `<section class="reviews" aria-labelledby="reviews">
<h2 id="reviews">Reviews</h2>
${reviews.value.reviews.map(renderReview).join('\n')}
<p class="served">Reviews served by <span class="chip ${escapeHtml(version)}">${escapeHtml(version)}</span> <code>${escapeHtml(reviews.value.podname)}</code></p>
</section>`;
}

function renderSorry(what, part) {
  return `<section class="sorry ${what}" role="status">
<h2>The ${what} are away for a moment</h2>
<p>Sorry, product ${what} are currently unavailable for this book.</p>
<p class="served">The ${what} service ${escapeHtml(part.problem)}. The rest of the page does not depend on it.</p>
</section>`;
}

function renderDetails(details) {
  if (details.value === undefined) return renderSorry('details', details);
  const labels = [
    ['Author', 'author'],
    ['Year', 'year'],
    ['Type', 'type'],
    ['Pages', 'pages'],
    ['Publisher', 'publisher'],
    ['Language', 'language'],
    ['ISBN-10', 'ISBN-10'],
    ['ISBN-13', 'ISBN-13'],
  ];
  const rows = labels.map(
    ([label, key]) => `<div><dt>${label}</dt><dd>${escapeHtml(details.value[key])}</dd></div>`,
  );
  return `<section class="details" aria-labelledby="details">
<h2 id="details">Details</h2>
<dl>${rows.join('')}</dl>
</section>`;
}

function renderHop({ name, state, note }) {
  return `<li class="${state}"><b>${escapeHtml(name)}</b><span>${escapeHtml(note)}</span></li>`;
}

function ratingsHop(reviews) {
  if (reviews.value === undefined) return { name: 'ratings', state: 'idle', note: 'not known' };
  const ratings = reviews.value.reviews
    .map((review) => review.rating)
    .filter((rating) => rating !== undefined);
  if (ratings.length === 0) return { name: 'ratings', state: 'idle', note: 'not asked by v1' };
  const failed = ratings.every((rating) => rating.error !== undefined);
  return {
    name: 'ratings',
    state: failed ? 'bad' : 'good',
    note: failed ? 'unavailable' : 'asked by reviews',
  };
}

function hopOf(name, part) {
  const note =
    part.value === undefined ? part.problem : `${part.tookMs.toFixed(part.tookMs < 10 ? 1 : 0)} ms`;
  return { name, state: part.value === undefined ? 'bad' : 'good', note };
}

function renderPath({ details, reviews, podName, requestId }) {
  const reviewsName = reviews.value === undefined ? 'reviews' : `reviews ${versionOf(reviews)}`;
  const id =
    requestId === undefined ? '' : `<p class="served">Request <code>${escapeHtml(requestId)}</code></p>`;
  return `<section class="path" aria-labelledby="path">
<h2 id="path">How this page was made</h2>
<ol class="hops">
${renderHop({ name: 'productpage', state: 'good', note: podName })}
${renderHop(hopOf('details', details))}
${renderHop(hopOf(reviewsName, reviews))}
${renderHop(ratingsHop(reviews))}
</ol>
<div class="sampler" data-sampler hidden>
<button type="button" data-start>Ask for the reviews 50 times</button>
<div class="split" data-split role="img" aria-label="no requests yet"></div>
<p class="served" data-legend>See how your routing rules divide the requests.</p>
</div>
${id}
</section>`;
}

/** The product page: `{product, details, reviews, user, podName, requestId}`. */
export function renderProduct(view) {
  const { product } = view;
  const main = `<section class="hero">
<div class="cover" aria-hidden="true"><span>The<br>Comedy<br>of<br>Errors</span></div>
<div>
<h1>${escapeHtml(product.title)}</h1>
<p class="summary">${product.descriptionHtml}</p>
</div>
</section>
<div class="columns">
<div class="side">
${renderReviews(view.reviews)}
${renderPath(view)}
</div>
<div class="side">
${renderDetails(view.details)}
</div>
</div>`;
  return frame({ title: 'Simple Bookstore App', user: view.user, main });
}

/** The front page, also where a login that cannot be accepted ends. */
export function renderIndex({ problem }) {
  const sorry = problem === undefined ? '' : `<p class="missing" role="alert">${escapeHtml(problem)}</p>`;
  const main = `<section class="welcome">
<h1>One book, four services</h1>
${sorry}
<p class="summary">productpage asks details and reviews; reviews v2 and v3 ask ratings. Each of them is a process with its own proxy and its own identity.</p>
<p><a class="button" href="/productpage">Open the product page</a></p>
</section>`;
  return frame({ title: 'Simple Bookstore App', user: undefined, main });
}
