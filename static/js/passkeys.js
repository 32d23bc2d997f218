// Passkeys: a form with data-passkey asks the browser for a credential before it is sent.
// Its options are in the page (#passkey-options), or at the address that the attribute names.

const refused = "The browser did not use a passkey. Try again, or use another way to sign in.";

async function optionsFor(form) {
  const inPage = document.getElementById("passkey-options");
  if (inPage) return JSON.parse(inPage.textContent);
  const response = await fetch(form.dataset.passkey, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`status ${response.status}`);
  return (await response.json()).request_options;
}

async function credentialFor(form) {
  const { publicKey } = await optionsFor(form);
  if (form.dataset.passkeyNew !== undefined) {
    // A resident key with a check of the person replaces a password.
    publicKey.authenticatorSelection = {
      ...publicKey.authenticatorSelection,
      residentKey: "required",
      requireResidentKey: true,
      userVerification: "required",
    };
    return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) });
  }
  return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) });
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  // Browsers know passkeys only on https and localhost.
  const known = window.isSecureContext && window.PublicKeyCredential?.parseRequestOptionsFromJSON;
  form.hidden = !known;
  const none = form.parentElement.querySelector("[data-no-passkeys]");
  if (none) none.hidden = Boolean(known);
  const problem = form.querySelector("[data-passkey-problem]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    problem.hidden = true;
    try {
      form.elements.credential.value = JSON.stringify(await credentialFor(form));
    } catch {
      problem.textContent = refused;
      problem.hidden = false;
      return;
    }
    form.submit();
  });
}
