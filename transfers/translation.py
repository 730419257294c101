from modeltranslation.translator import TranslationOptions, register

from transfers.models import Country, Recipient


@register(Recipient)
class RecipientTranslation(TranslationOptions):
    fields = ("title",)


@register(Country)
class CountryTranslation(TranslationOptions):
    fields = ("title",)
