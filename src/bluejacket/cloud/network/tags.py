"""Service tags of Azure that stand for none of this cloud's addresses: rules with them match nothing.

Source: Azure, "Virtual network service tags".
"""

from __future__ import annotations

import re

_TAG = re.compile(r"([A-Za-z][A-Za-z0-9]*)(\.[A-Za-z0-9]+)*")
_NAMES = """
actiongroup apimanagement appconfiguration appservice appservicemanagement azureactivedirectory
azureactivedirectorydomainservices azureadvancedthreatprotection azurearcinfrastructure azureattestation
azurebackup azurebotservice azurecloud azurecognitivesearch azureconnectors azurecontainerregistry
azurecosmosdb azuredatabricks azuredataexplorermanagement azuredevops azuredigitaltwins azureeventgrid
azurefrontdoor azurehealthcareapis azureinformationprotection azureiothub azurekeyvault
azuremachinelearning azuremanagedgrafana azuremonitor azureopendatasets azureplatformdns
azureplatformimds azureplatformlkm azureresourcemanager azuresentinel azuresignalr azuresiterecovery
azuresphere azurespringcloud azurestack azuretrafficmanager azureupdatedelivery azurewebpubsub
batchnodemanagement chaosstudio cognitiveservicesfrontend cognitiveservicesmanagement
containerappsmanagement datafactory datafactorymanagement dynamics365 eventhub gatewaymanager grafana
guestandhybridmanagement hdinsight logicapps logicappsmanagement m365managementactivityapi
microsoftcloudappsecurity microsoftcontainerregistry microsoftdefenderforendpoint powerbi
powerplatforminfra powerqueryonline scuba servicebus servicefabric sql sqlmanagement storage
storagesyncservice storagemover windowsadmincenter windowsvirtualdesktop
"""
_KNOWN = frozenset(_NAMES.split())


def is_service(word: str) -> bool:
    """True for a service tag, also of one region (`Storage.WestEurope`)."""
    found = _TAG.fullmatch(word)
    return found is not None and found[1].lower() in _KNOWN
