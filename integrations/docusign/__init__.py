"""DocuSign, where the firm's contracts are signed: what is signed becomes a fact."""
