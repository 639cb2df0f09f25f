// Judges who mails are from, by mailauth: {texts, envelope, mails: {name: {mail, sender}}} in, where "texts" are all the
// TXT records that there are, by their names; {name: {dkim, spf, dmarc}} out.
import { answer, asked, need } from './peers.mjs';

const { authenticate } = need('mailauth');
const found = {};

async function resolver(name, type) {
  if (type === 'TXT' && asked.texts[name]) return [[asked.texts[name]]];
  throw Object.assign(new Error('nothing there'), { code: 'ENOTFOUND' });
}

for (const [name, { mail, sender }] of Object.entries(asked.mails)) {
  const { dkim, spf, dmarc } = await authenticate(mail, {
    ...asked.envelope,
    sender,
    mta: 'mx.example.net',
    disableBimi: true,
    resolver,
  });
  found[name] = { dkim, spf, dmarc };
}
answer(found);
