"""Words that mean the same in any shop, so that a customer's word meets the article's: "courier" and "carrier".

General English and its two spellings, no word of any one business; only true equivalents, because wider concepts blur
which article is meant. Each line is one meaning.
"""

_LINES = """
carrier courier
parcel package
promotion promo coupon voucher
gift present
colour color coloured colored
programme program
grey gray
centre center
instalment installment
sofa couch settee
carpet rug
curtain drape
answer reply respond response
exchange swap
invoice bill
buy purchase
delete erase
refund reimburse reimbursement
return returnable
cancel cancell cancellation
store shop
person human
phone telephone mobile cellphone
christmas xmas
abroad overseas
website site webpage
rust rusty
assembly assemble
register registration
deliver delivery
ship shipping shipment
complaint complain
repair mend fix
"""


SYNONYMS: dict[str, str] = {
    word: first for first, *others in (line.split() for line in _LINES.strip().splitlines()) for word in others
}
"""Each listed word and the word that stands for its meaning."""
