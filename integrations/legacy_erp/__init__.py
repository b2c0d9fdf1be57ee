"""The legacy ERP, by files over SFTP: see README.md."""
