from modeltranslation.translator import TranslationOptions, register

from consent.models import ConsentForm, Purpose, PurposeEdition, RetentionRule


@register(ConsentForm)
class ConsentFormTranslation(TranslationOptions):
    fields = ("title",)


@register(PurposeEdition)
@register(Purpose)
class PurposeTranslation(TranslationOptions):
    fields = ("title",)


@register(RetentionRule)
class RetentionRuleTranslation(TranslationOptions):
    fields = ("title",)
