from modeltranslation.translator import TranslationOptions, register

from consent.models import ConsentForm, Purpose, RetentionRule


@register(ConsentForm)
class ConsentFormTranslation(TranslationOptions):
    fields = ("title",)


@register(Purpose)
class PurposeTranslation(TranslationOptions):
    fields = ("title",)


@register(RetentionRule)
class RetentionRuleTranslation(TranslationOptions):
    fields = ("title",)
