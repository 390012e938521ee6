"""The one transaction that keeps a batch: ledger, trees and positions together."""
