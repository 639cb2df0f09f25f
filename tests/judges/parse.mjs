// Takes mails apart by postal-mime: {name: mail in base64} in, {name: {subject, from, text, html}} out.
import { answer, asked, need } from './peers.mjs';

const { default: PostalMime } = need('postal-mime');
const found = {};
for (const [name, content] of Object.entries(asked)) {
  const { subject, from, text, html } = await PostalMime.parse(Buffer.from(content, 'base64'));
  found[name] = { subject, from, text, html };
}
answer(found);
