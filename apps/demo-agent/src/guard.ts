import type { Request, RequestHandler } from 'express';

export const DEMO_KEY = 'let-me-in';
export const KEY_HEADER = 'X-Demo-Key';
export const KEY_PARAMETER = 'demo_key';

/** Lets those in who show the demo key in any of the ways that the card names. */
export const guard: RequestHandler = (request, response, next) => {
  if (showsKey(request)) return next();
  response.set('WWW-Authenticate', 'Bearer realm="demo"');
  response.status(401).json({ error: { code: 401, message: 'Show the demo key' } });
};

const showsKey = (request: Request): boolean =>
  request.get('Authorization') === `Bearer ${DEMO_KEY}` ||
  request.get(KEY_HEADER) === DEMO_KEY ||
  request.query[KEY_PARAMETER] === DEMO_KEY;
